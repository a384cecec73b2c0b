/**
 * The attestation document of a NitroTPM, which speaks for a whole EC2 instance (Amazon EC2 User Guide, "Validate a
 * NitroTPM Attestation Document"): an enclave's, but that its registers stand under `nitrotpm_pcrs`.
 */
import type { CoseSign1 } from '../cose.js'
import { FormatError } from '../errors.js'
import { type DocumentFields, parsePayload, readFields } from './document-fields.js'

/** `pcrs` are the TPM's: PCR4 the boot manager, PCR7 Secure Boot, PCR12 the kernel's command line. */
export type NitroTpmDocument = DocumentFields

export interface ParsedNitroTpmAttestation {
  readonly document: NitroTpmDocument
  readonly envelope: CoseSign1
}

/** Reads a document without verifying anything. Throws FormatError ERR_CBOR_*, ERR_COSE_*, ERR_DOCUMENT_*. */
export function parseNitroTpmAttestation(bytes: Uint8Array): ParsedNitroTpmAttestation {
  const { fields, envelope } = parsePayload(bytes)
  if (fields.has('pcrs')) {
    throw new FormatError('ERR_DOCUMENT_ENCLAVE', "an enclave's document speaks for no instance")
  }
  return { envelope, document: readFields(fields, 'nitrotpm_pcrs') }
}
