/** Attestation documents of the Nitro Secure Module. */
import { MAX_DOCUMENT_LENGTH, MAX_FIELD_LENGTH } from '../../shared/attestation/document-fields.js'
import { UsageError } from '../../shared/errors.js'
import { brokenAnswer, checkBytes, checkNsm } from './arguments.js'
import type { Nsm } from './requests.js'

/** What a document is to bear, each at most 1,024 bytes. Absent and empty are different things. */
export interface AttestationFields {
  readonly userData?: Uint8Array
  readonly nonce?: Uint8Array
  /** DER SubjectPublicKeyInfo, where KMS is to encrypt to it; the module takes any bytes. */
  readonly publicKey?: Uint8Array
}

/**
 * A signed document (COSE_Sign1) over the locked registers and these fields. Whether it is genuine is the business of
 * whoever receives it. Throws UsageError ERR_USAGE for a field that is too long, and NsmError.
 */
export async function attest(nsm: Nsm, fields: AttestationFields = {}): Promise<Uint8Array> {
  checkNsm(nsm)
  for (const name of ['userData', 'nonce', 'publicKey'] as const) {
    const value = fields[name]
    if (value !== undefined) checkBytes(name, value, MAX_FIELD_LENGTH)
  }
  // docs/attestation_process.md: public_key has 1 byte at least; a verifier refuses the document otherwise.
  if (fields.publicKey?.length === 0) throw new UsageError('ERR_USAGE', 'publicKey: empty')
  const { document } = await nsm.request({ ...fields, type: 'Attestation' })
  if (!(document instanceof Uint8Array) || document.length === 0 || document.length > MAX_DOCUMENT_LENGTH)
    throw brokenAnswer('an attestation document that is not 1 to 16,384 bytes long')
  return document
}
