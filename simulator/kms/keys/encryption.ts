/** Encryption and decryption under a KMS key, whatever its kind. Source: KMS API Reference, "Encrypt" and "Decrypt". */
import { constants, createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto'
import { invalidCiphertext, validation } from '../errors.js'
import { type EncryptionAlgorithm, type KmsKey, kindOf } from './keys.js'
import { type EncryptionContext, openSymmetric, sealSymmetric } from './symmetric-ciphertext.js'

/** Bytes of a hash. */
const OAEP = {
  RSAES_OAEP_SHA_1: { oaepHash: 'sha1', length: 20 },
  RSAES_OAEP_SHA_256: { oaepHash: 'sha256', length: 32 },
} as const

/** For every symmetric and RSA key. Throws KmsError ValidationException. */
export function encrypt(
  key: KmsKey,
  algorithm: EncryptionAlgorithm,
  plaintext: Uint8Array,
  context: EncryptionContext | undefined,
): Buffer {
  if (algorithm === 'SYMMETRIC_DEFAULT') return sealSymmetric(key, plaintext, context ?? {})
  refuseContext(context)
  const { oaepHash, length } = OAEP[algorithm]
  // RFC 8017, section 7.1.1: the modulus without two hashes and two octets.
  const limit = modulusBits(key) / 8 - 2 * length - 2
  if (plaintext.length > limit) {
    // invented: AWS does not publish this text
    throw validation(`Plaintext has at most ${limit} bytes for ${algorithm} and ${key.spec}`)
  }
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return publicEncrypt({ key: createPublicKey(key.material), padding, oaepHash }, plaintext)
}

/** Throws KmsError InvalidCiphertextException, or ValidationException. */
export function decrypt(
  key: KmsKey,
  algorithm: EncryptionAlgorithm,
  ciphertext: Uint8Array,
  context: EncryptionContext | undefined,
): Buffer {
  if (algorithm === 'SYMMETRIC_DEFAULT') {
    const plaintext = openSymmetric(key, ciphertext, context ?? {})
    if (plaintext === undefined) throw invalidCiphertext()
    return plaintext
  }
  refuseContext(context)
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  try {
    return privateDecrypt({ key: key.material, padding, oaepHash: OAEP[algorithm].oaepHash }, ciphertext)
  } catch {
    throw invalidCiphertext()
  }
}

function refuseContext(context: EncryptionContext | undefined): void {
  // invented: AWS does not publish this text
  if (context !== undefined) throw validation('EncryptionContext goes with symmetric encryption keys only')
}

function modulusBits({ spec }: KmsKey): number {
  const { pair } = kindOf(spec)
  return pair?.type === 'rsa' ? pair.bits : 0
}
