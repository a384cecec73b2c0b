/** The enclave's key pair: KMS encrypts to its public half, which the NSM attests. */
import { randomBytes, webcrypto } from 'node:crypto'
import { UsageError } from '../../shared/errors.js'
import { checkNsm } from '../nsm/arguments.js'
import { attest } from '../nsm/attest.js'
import { getRandom } from '../nsm/random.js'
import type { Nsm } from '../nsm/requests.js'
import { abortable } from './abort.js'
import { type Expected, openEnvelopedData } from './enveloped-data.js'

const NONCE_LENGTH = 32

/** Somebody to whom KMS can answer confidentially. */
export interface Recipient {
  /** DER SubjectPublicKeyInfo, RSA. */
  readonly publicKey: Uint8Array
  /**
   * A fresh attestation document over `publicKey` and a new random nonce of 32 bytes. Rejects with an AbortError as
   * soon as `signal` is aborted, though the module goes on working: what it was asked cannot be recalled.
   */
  attest(options?: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array>
  /**
   * Opens a `CiphertextForRecipient` whose plaintext is what `expected` says.
   * Throws OperationError ERR_ENVELOPE, whatever the reason.
   */
  open(ciphertextForRecipient: Uint8Array, expected?: Expected): Promise<Uint8Array>
  /** `length` random bytes of the Nitro Secure Module alone. Throws UsageError ERR_USAGE, and NsmError. */
  random(length: number): Promise<Uint8Array>
}

/** Gives the recipient of one call: rotation happens between calls, never within one. */
export interface RecipientSource {
  recipient(): Promise<Recipient>
}

export interface RecipientOptions {
  readonly nsm: Nsm
  /** Bits of the RSA key, 2048 by default: what KMS documents. */
  readonly modulusLength?: 2048 | 3072 | 4096 | undefined
}

/**
 * Makes a key pair whose private half stays in this process and cannot be exported through WebCrypto.
 * Throws UsageError ERR_USAGE for another modulus length, or without an NSM.
 */
export async function createRecipient({ nsm, modulusLength = 2048 }: RecipientOptions): Promise<Recipient> {
  if (![2048, 3072, 4096].includes(modulusLength)) {
    throw new UsageError('ERR_USAGE', 'modulusLength: not 2048, 3072 or 4096')
  }
  checkNsm(nsm)
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength, publicExponent: EXPONENT }
  const pair = await webcrypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt'])
  const publicKey = await webcrypto.subtle.exportKey('spki', pair.publicKey)
  return new RsaRecipient(nsm, pair.privateKey, new Uint8Array(publicKey))
}

/** 65537, big-endian. */
const EXPONENT = Uint8Array.of(1, 0, 1)

class RsaRecipient implements Recipient {
  readonly #nsm: Nsm
  readonly #privateKey: webcrypto.CryptoKey
  readonly #publicKey: Uint8Array

  constructor(nsm: Nsm, privateKey: webcrypto.CryptoKey, publicKey: Uint8Array) {
    this.#nsm = nsm
    this.#privateKey = privateKey
    this.#publicKey = publicKey
  }

  /** A copy: nobody else decides what gets attested. */
  get publicKey(): Uint8Array {
    return this.#publicKey.slice()
  }

  async attest({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Uint8Array> {
    const fields = { publicKey: this.publicKey, nonce: randomBytes(NONCE_LENGTH) }
    return abortable(() => attest(this.#nsm, fields), signal)
  }

  async open(ciphertextForRecipient: Uint8Array, expected: Expected = {}): Promise<Uint8Array> {
    return openEnvelopedData(ciphertextForRecipient, this.#privateKey, expected)
  }

  random(length: number): Promise<Uint8Array> {
    return getRandom(this.#nsm, length)
  }
}
