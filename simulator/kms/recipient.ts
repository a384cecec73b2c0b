/**
 * Recipient: the attestation document that five operations take, and the envelope that they answer with instead of a
 * secret. Source: KMS API Reference, "RecipientInfo" and CiphertextForRecipient of each operation.
 */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { FormatError, NitroEnclaveError } from '../../shared/errors.js'
import { sealEnvelopedData } from './enveloped-data.js'
import { type KmsError, validation } from './errors.js'
import type { Misbehaviour, OperationContext, VerifyDocument } from './operation.js'
import type { RequestReader } from './request.js'

/** Bytes. */
const MAX_DOCUMENT = 262_144

/** As it stands in the request. */
export interface RecipientInfo {
  readonly document: Uint8Array | undefined
  readonly algorithm: 'RSAES_OAEP_SHA_256' | undefined
}

/** An enclave that has proved itself. */
export interface Recipient {
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  /** DER SubjectPublicKeyInfo of an RSA key. */
  readonly publicKey: Uint8Array
}

export function readRecipient(request: RequestReader): RecipientInfo | undefined {
  const recipient = request.structure('Recipient')
  return (
    recipient && {
      document: recipient.blob('AttestationDocument', { max: MAX_DOCUMENT }),
      algorithm: recipient.oneOf('KeyEncryptionAlgorithm', ['RSAES_OAEP_SHA_256']),
    }
  )
}

/** Undefined for a call without Recipient. Throws KmsError ValidationException. */
export async function verifyRecipient(
  info: RecipientInfo | undefined,
  verify: VerifyDocument,
): Promise<Recipient | undefined> {
  if (info === undefined) return undefined
  if (info.document === undefined || info.algorithm === undefined) {
    // invented: AWS does not publish this text
    throw validation('Recipient needs both AttestationDocument and KeyEncryptionAlgorithm')
  }
  const { document } = await verify(info.document).catch((error: unknown) => {
    throw error instanceof NitroEnclaveError ? attestationRefused(error) : error
  })
  return { pcrs: document.pcrs, publicKey: rsaPublicKey(document.publicKey) }
}

function attestationRefused(error: NitroEnclaveError): KmsError {
  if (error.code === 'ERR_POLICY_MAX_AGE') {
    // invented: AWS does not publish this text
    return validation(`The attestation document exceeded the five-minute age limit (${error.code})`)
  }
  const what = error instanceof FormatError ? 'cannot parse' : 'cannot accept'
  // invented: AWS does not publish this text
  return validation(`KMS ${what} the attestation document (${error.code})`)
}

/** An RSA key of 2048 to 4096 bits, as exactly one DER SubjectPublicKeyInfo. */
function rsaPublicKey(spki: Uint8Array | undefined): Uint8Array {
  // invented: AWS does not publish this text
  const refused = validation('The attestation document needs an RSA public key of 2048 to 4096 bits')
  if (spki === undefined) throw refused
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    throw refused
  }
  const bits = key.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0
  if (bits < 2048 || bits > 4096) throw refused
  // node:crypto also takes bytes after the key.
  if (!key.export({ format: 'der', type: 'spki' }).equals(spki)) throw refused
  return spki
}

/** Base64, as on the wire; never both. */
export type SecretAnswer<Name extends string> =
  | { readonly [_ in Name]: string }
  | { readonly CiphertextForRecipient: string }

/** The secret in the member `name`, or, for a recipient, sealed. It is zeroed in any case. */
export async function answerSecret<Name extends string>(
  name: Name,
  secret: Uint8Array,
  recipient: Recipient | undefined,
  { misbehaviour }: Pick<OperationContext, 'misbehaviour'>,
): Promise<SecretAnswer<Name>> {
  try {
    if (recipient === undefined || misbehaviour === 'ignoreRecipient') {
      return { [name]: base64(secret) } as { readonly [_ in Name]: string }
    }
    const envelope = sealEnvelopedData(secret, await targetKey(recipient.publicKey, misbehaviour))
    const answered = misbehaviour === 'truncatedEnvelope' ? envelope.subarray(0, -16) : envelope
    return { CiphertextForRecipient: base64(answered) }
  } finally {
    secret.fill(0)
  }
}

/** KMS leaves KeyMaterialId out of answers to a recipient. */
export function materialIdFor(recipient: Recipient | undefined, materialId: string | undefined): object {
  return recipient === undefined && materialId !== undefined ? { KeyMaterialId: materialId } : {}
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

async function targetKey(publicKey: Uint8Array, misbehaviour: Misbehaviour | undefined): Promise<Uint8Array> {
  if (misbehaviour !== 'wrongRecipient') return publicKey
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const modulusLength = key.asymmetricKeyDetails?.modulusLength ?? 2048
  const stranger = await promisify(generateKeyPair)('rsa', { modulusLength })
  return stranger.publicKey.export({ format: 'der', type: 'spki' })
}
