import { createPrivateKey, createPublicKey } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import {
  type Answer,
  bytes,
  call,
  context,
  newKey,
  opened,
  principal,
  Recipient,
  refused,
} from './support.js'

/** Milliseconds. The primes of RSA_4096 take their time on a busy machine. */
const SLOW = 120_000

const ctx = context()
const EncryptionContext = { purpose: 'test' }
let KeyId = ''
beforeAll(async () => {
  KeyId = (await newKey(ctx)).Arn
})

const generate = (input: object, change: object = {}) =>
  call('GenerateDataKeyPair', { KeyId, EncryptionContext, ...input }, { ...ctx, ...change })

/** DER PKCS #8, as Decrypt gives it. */
async function decrypted({ PrivateKeyCiphertextBlob: CiphertextBlob }: Answer) {
  return bytes((await call('Decrypt', { CiphertextBlob, EncryptionContext }, ctx)).Plaintext)
}

function details(pkcs8: Uint8Array) {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return { type: key.asymmetricKeyType, ...key.asymmetricKeyDetails, spki: spki.toString('base64') }
}

it.each([
  ['RSA_2048', { type: 'rsa', modulusLength: 2048 }],
  ['RSA_3072', { type: 'rsa', modulusLength: 3072 }],
  ['RSA_4096', { type: 'rsa', modulusLength: 4096 }],
  ['ECC_NIST_P256', { type: 'ec', namedCurve: 'prime256v1' }],
  ['ECC_NIST_P384', { type: 'ec', namedCurve: 'secp384r1' }],
  ['ECC_NIST_P521', { type: 'ec', namedCurve: 'secp521r1' }],
  ['ECC_SECG_P256K1', { type: 'ec', namedCurve: 'secp256k1' }],
])(
  'makes a pair of %s, sealed for an enclave, too',
  async (KeyPairSpec, key) => {
    const answer = await generate({ KeyPairSpec, Recipient })
    expect(answer).toEqual({
      KeyId,
      KeyPairSpec,
      PublicKey: expect.any(String),
      PrivateKeyCiphertextBlob: expect.any(String),
      CiphertextForRecipient: expect.any(String),
    })
    const privateKey = await decrypted(answer)
    expect(details(privateKey)).toMatchObject({ ...key, spki: answer.PublicKey })
    expect(await opened(answer)).toEqual(privateKey)
    expect(bytes(answer.CiphertextForRecipient).length).toBeLessThanOrEqual(6144)
  },
  SLOW,
)

it('gives the private key to a caller without Recipient', async () => {
  const answer = await generate({ KeyPairSpec: 'ECC_NIST_P256' })
  expect(answer).not.toHaveProperty('CiphertextForRecipient')
  expect(answer.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/)
  expect(bytes(answer.PrivateKeyPlaintext)).toEqual(await decrypted(answer))
})

it.each(['SM2', 'ECC_NIST_EDWARDS25519', 'ML_KEM_512'])('refuses %s by name', async (KeyPairSpec) => {
  await expect(generate({ KeyPairSpec })).rejects.toEqual(
    refused('UnsupportedOperationException', KeyPairSpec),
  )
})

it.each([
  ['no spec', {}, "Value null at 'keyPairSpec'"],
  ['an unknown one', { KeyPairSpec: 'RSA_1024' }, "Value 'RSA_1024' at 'keyPairSpec'"],
])('refuses %s', async (_, input, message) => {
  await expect(generate(input)).rejects.toEqual(refused('ValidationException', message))
})

it('refuses a key that cannot encrypt', async () => {
  const { Arn } = await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
  await expect(generate({ KeyId: Arn, KeyPairSpec: 'RSA_2048' })).rejects.toEqual(
    refused('InvalidKeyUsageException'),
  )
})

it('asks access before state, and both before a dry run', async () => {
  const own = context()
  const { Arn } = await newKey(own)
  const input = { KeyId: Arn, KeyPairSpec: 'ECC_NIST_P256', DryRun: true }
  await expect(generate(input, own)).rejects.toEqual(refused('DryRunOperationException'))
  await call('DisableKey', { KeyId: Arn }, own)
  await expect(generate(input, own)).rejects.toEqual(refused('DisabledException'))
  const only = parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:GenerateDataKey', Resource: '*' } })
  await expect(generate(input, { ...own, principal: principal(only) })).rejects.toEqual(
    refused('AccessDeniedException', 'kms:GenerateDataKeyPair on resource'),
  )
})
