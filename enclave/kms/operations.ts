/** The operations of the KMS API that carry Recipient: where the opened value goes, and what it must be. */
import { UsageError } from '../../shared/errors.js'
import { curveOf } from './curve.js'
import { isKeyPair, KEY_PAIR_SPECS } from './data-key-pair.js'
import type { Expected } from './enveloped-data.js'

/** An input or an answer; the SDK's own types are unions over every operation. */
export type Fields = Readonly<Record<string, unknown>>

export interface AttestedOperation {
  /** The output field that takes the opened value, and in which KMS answers without Recipient. */
  readonly result: 'Plaintext' | 'PrivateKeyPlaintext' | 'SharedSecret'
  /** True when a KMS key takes part, whose ARN comes back as KeyId. */
  readonly keyed: boolean
  /** True when nothing else depends on the value, so that other random bytes may be mixed into it. */
  readonly mixable?: boolean
  /**
   * Reads what an input asks for, before anything is sent; throws UsageError ERR_USAGE where that cannot be told.
   * What it gives says, from the rest of the answer, what the opened value must be.
   */
  expected(input: Fields): (answer: Fields) => Expected
}

/** By the API's own names (KMS API Reference, "Actions"). */
export const OPERATIONS: ReadonlyMap<string, AttestedOperation> = new Map<string, AttestedOperation>([
  [
    'GenerateRandom',
    {
      result: 'Plaintext',
      keyed: false,
      mixable: true,
      expected: ({ NumberOfBytes }) => ofLength(bytes(NumberOfBytes)),
    },
  ],
  [
    'GenerateDataKey',
    { result: 'Plaintext', keyed: true, expected: (input) => ofLength(dataKeyLength(input)) },
  ],
  ['GenerateDataKeyPair', { result: 'PrivateKeyPlaintext', keyed: true, expected: keyPair }],
  [
    'DeriveSharedSecret',
    { result: 'SharedSecret', keyed: true, expected: ({ PublicKey }) => ofLength(secretLength(PublicKey)) },
  ],
  ['Decrypt', { result: 'Plaintext', keyed: true, expected: decrypted }],
])

const ofLength = (length: number) => () => ({ length })

/** KMS checks the range. */
function bytes(value: unknown): number {
  if (typeof value !== 'number') throw new UsageError('ERR_USAGE', 'NumberOfBytes: not a number')
  return value
}

function dataKeyLength({ KeySpec, NumberOfBytes }: Fields): number {
  if ((KeySpec === undefined) === (NumberOfBytes === undefined)) {
    throw new UsageError('ERR_USAGE', 'GenerateDataKey: give either KeySpec or NumberOfBytes')
  }
  if (KeySpec === undefined) return bytes(NumberOfBytes)
  if (KeySpec === 'AES_256') return 32
  if (KeySpec === 'AES_128') return 16
  throw new UsageError('ERR_USAGE', `KeySpec: not AES_256 or AES_128: ${String(KeySpec)}`)
}

function keyPair({ KeyPairSpec }: Fields): (answer: Fields) => Expected {
  if (!KEY_PAIR_SPECS.includes(KeyPairSpec)) {
    throw new UsageError('ERR_USAGE', `KeyPairSpec: not one that this SDK can check: ${String(KeyPairSpec)}`)
  }
  return ({ PublicKey }) => ({
    accept: (privateKey) =>
      PublicKey instanceof Uint8Array && isKeyPair({ privateKey, publicKey: PublicKey }, KeyPairSpec),
  })
}

/** KMS gives the raw secret: the x-coordinate of the point, whatever its leading bytes. */
function secretLength(publicKey: unknown): number {
  const curve = publicKey instanceof Uint8Array ? curveOf(publicKey) : undefined
  if (curve === undefined) {
    throw new UsageError('ERR_USAGE', 'PublicKey: not a DER SubjectPublicKeyInfo on a curve of KMS')
  }
  return curve.fieldLength
}

/** Bytes that Encrypt takes at most, with a symmetric key. */
const MAX_PLAINTEXT = 4_096

/** Bytes by which an RSA ciphertext, as long as the modulus, is longer than its plaintext (RFC 8017, section 7.1.1). */
const OAEP_OVERHEAD: ReadonlyMap<unknown, number> = new Map([
  ['RSAES_OAEP_SHA_1', 2 * 20 + 2],
  ['RSAES_OAEP_SHA_256', 2 * 32 + 2],
])

function decrypted({ CiphertextBlob, EncryptionAlgorithm }: Fields): () => Expected {
  const overhead = OAEP_OVERHEAD.get(EncryptionAlgorithm)
  const padded = overhead !== undefined && CiphertextBlob instanceof Uint8Array
  const longest = padded ? Math.min(MAX_PLAINTEXT, CiphertextBlob.length - overhead) : MAX_PLAINTEXT
  return () => ({ accept: ({ length }) => length >= 1 && length <= longest })
}
