/**
 * Ciphertexts of symmetric keys: AES-256-GCM in a blob that names its key. AWS does not publish its own form; ours is
 * one octet of version, the key's ID, nonce, tag, ciphertext. Everything before the ciphertext but nonce and tag,
 * and the encryption context, is authenticated.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

export type EncryptionContext = Readonly<Record<string, string>>

/** Bytes. */
const VERSION = Uint8Array.of(1)
const ID_LENGTH = 16
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const HEADER_LENGTH = VERSION.length + ID_LENGTH
const OVERHEAD = HEADER_LENGTH + NONCE_LENGTH + TAG_LENGTH

interface NamedSecret {
  /** A UUID. */
  readonly id: string
  /** 32 bytes. */
  readonly material: KeyObject
}

/** `plaintext` and 45 bytes. */
export function sealSymmetric(key: NamedSecret, plaintext: Uint8Array, context: EncryptionContext): Buffer {
  const header = Buffer.concat([VERSION, Buffer.from(key.id.replaceAll('-', ''), 'hex')])
  const nonce = randomBytes(NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', key.material, nonce)
  cipher.setAAD(additionalData(header, context))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([header, nonce, cipher.getAuthTag(), ciphertext])
}

/** ID of the key that a blob names, or undefined when it is none of ours. */
export function keyIdIn(blob: Uint8Array): string | undefined {
  if (blob.length <= OVERHEAD || blob[0] !== VERSION[0]) return undefined
  const hex = Buffer.from(blob.subarray(VERSION.length, HEADER_LENGTH)).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Undefined for another key, another context, or a blob that was tampered with. */
export function openSymmetric(
  key: NamedSecret,
  blob: Uint8Array,
  context: EncryptionContext,
): Buffer | undefined {
  if (keyIdIn(blob) !== key.id) return undefined
  const nonce = blob.subarray(HEADER_LENGTH, HEADER_LENGTH + NONCE_LENGTH)
  const decipher = createDecipheriv('aes-256-gcm', key.material, nonce, { authTagLength: TAG_LENGTH })
  decipher.setAAD(additionalData(blob.subarray(0, HEADER_LENGTH), context))
  decipher.setAuthTag(blob.subarray(HEADER_LENGTH + NONCE_LENGTH, OVERHEAD))
  const plaintext = decipher.update(blob.subarray(OVERHEAD))
  try {
    decipher.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}

/**
 * One form for one context: pairs in the order of their names, each text after its length. UTF-16, because a JSON
 * string may hold half a surrogate pair, of which UTF-8 would make the same as of any other.
 */
function additionalData(header: Uint8Array, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.concat([header, ...pairs.flat().flatMap(measured)])
}

function measured(text: string): [Buffer, Buffer] {
  const bytes = Buffer.from(text, 'utf16le')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return [length, bytes]
}
