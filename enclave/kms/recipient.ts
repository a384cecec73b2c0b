/** The enclave's key pair: KMS encrypts to its public half, which the NSM attests. */
import { randomBytes, webcrypto } from 'node:crypto'
import { MAX_DOCUMENT_LENGTH } from '../../shared/attestation/document.js'
import { NsmError, UsageError } from '../../shared/errors.js'
import type { Nsm } from '../nsm/requests.js'
import { openEnvelopedData } from './enveloped-data.js'

const NONCE_LENGTH = 32

/** Somebody to whom KMS can answer confidentially. */
export interface Recipient {
  /** DER SubjectPublicKeyInfo, RSA. */
  readonly publicKey: Uint8Array
  /** A fresh attestation document over `publicKey` and a new random nonce of 32 bytes. */
  attest(options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /**
   * Opens a `CiphertextForRecipient` whose plaintext has `length` bytes, when that is given.
   * Throws OperationError ERR_ENVELOPE, whatever the reason.
   */
  open(ciphertextForRecipient: Uint8Array, options?: { readonly length?: number }): Promise<Uint8Array>
}

export interface RecipientOptions {
  readonly nsm: Nsm
  /** Bits of the RSA key, 2048 by default: what KMS documents. */
  readonly modulusLength?: 2048 | 3072 | 4096
}

/**
 * Makes a key pair whose private half stays in this process and cannot be exported through WebCrypto.
 * Throws UsageError ERR_USAGE for another modulus length, or without an NSM.
 */
export async function createRecipient({ nsm, modulusLength = 2048 }: RecipientOptions): Promise<Recipient> {
  if (![2048, 3072, 4096].includes(modulusLength)) {
    throw new UsageError('ERR_USAGE', 'modulusLength: not 2048, 3072 or 4096')
  }
  if (typeof nsm?.request !== 'function') throw new UsageError('ERR_USAGE', 'nsm: not a Nitro Secure Module')
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

  async attest(options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted()
    const { document } = await this.#nsm.request({
      type: 'Attestation',
      publicKey: this.publicKey,
      nonce: randomBytes(NONCE_LENGTH),
    })
    if (!(document instanceof Uint8Array) || document.length === 0 || document.length > MAX_DOCUMENT_LENGTH) {
      throw new NsmError('ERR_NSM_INVALID_RESPONSE', 'the attestation document is not 1 to 16,384 bytes long')
    }
    return document
  }

  async open(
    ciphertextForRecipient: Uint8Array,
    options: { readonly length?: number } = {},
  ): Promise<Uint8Array> {
    return openEnvelopedData(ciphertextForRecipient, this.#privateKey, options.length)
  }
}
