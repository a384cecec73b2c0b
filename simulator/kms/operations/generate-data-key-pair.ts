import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { dryRunSucceeded, unsupportedOperation } from '../errors.js'
import { sealSymmetric } from '../keys/symmetric-ciphertext.js'
import { readWrapping, wrappingKey } from '../keys/wrapping.js'
import type { OperationContext } from '../operation.js'
import { answerSecret, materialIdFor, readRecipient, verifyRecipient } from '../recipient.js'
import { readRequest } from '../request.js'

const OPERATION = 'GenerateDataKeyPair'
const pair = promisify(generateKeyPair)

const rsa = (modulusLength: number) => () => pair('rsa', { modulusLength })
const ec = (namedCurve: string) => () => pair('ec', { namedCurve })

const GENERATORS = {
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: ec('prime256v1'),
  ECC_NIST_P384: ec('secp384r1'),
  ECC_NIST_P521: ec('secp521r1'),
  ECC_SECG_P256K1: ec('secp256k1'),
} as const

/** KMS has them; they are not simulated. */
const REFUSED = ['SM2', 'ECC_NIST_EDWARDS25519', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const
const SPECS = [...(Object.keys(GENERATORS) as (keyof typeof GENERATORS)[]), ...REFUSED]

/** KMS API Reference, "GenerateDataKeyPair". With a Recipient only the plaintext private key is sealed for it. */
export async function generateDataKeyPair(input: unknown, ctx: OperationContext): Promise<object> {
  const request = readRequest(input, (r) => ({
    ...readWrapping(r),
    spec: r.required('KeyPairSpec', r.oneOf('KeyPairSpec', SPECS)),
    recipient: readRecipient(r),
  }))
  const recipient = await verifyRecipient(request.recipient, ctx.verify)
  const key = wrappingKey(ctx, request, OPERATION, recipient)
  const { spec } = request
  if (!isSimulated(spec)) {
    // invented: AWS does not publish this text
    throw unsupportedOperation(`The simulated KMS makes no data key pair of the spec ${spec}`)
  }
  if (request.dryRun) throw dryRunSucceeded()
  const made = await GENERATORS[spec]()
  const publicKey = made.publicKey.export({ type: 'spki', format: 'der' })
  const privateKey = made.privateKey.export({ type: 'pkcs8', format: 'der' })
  const ciphertext = sealSymmetric(key, privateKey, request.encryptionContext ?? {})
  return {
    PrivateKeyCiphertextBlob: ciphertext.toString('base64'),
    PublicKey: publicKey.toString('base64'),
    KeyId: key.arn,
    KeyPairSpec: spec,
    ...(await answerSecret('PrivateKeyPlaintext', privateKey, recipient, ctx)),
    ...materialIdFor(recipient, key.materialId),
  }
}

function isSimulated(spec: (typeof SPECS)[number]): spec is keyof typeof GENERATORS {
  return Object.hasOwn(GENERATORS, spec)
}
