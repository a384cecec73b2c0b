/** The attestation document of an enclave: the payload of the COSE_Sign1 that its Nitro Secure Module signs. */
import type { CoseSign1 } from '../cose.js'
import { FormatError } from '../errors.js'
import { type DocumentFields, parsePayload, readFields } from './document-fields.js'

export interface AttestationDocument extends DocumentFields {
  /** PCR0, PCR1 and PCR2 are zero: the enclave was started with `--debug-mode`, its console open to the parent. */
  readonly debugMode: boolean
}

export interface ParsedAttestation {
  readonly document: AttestationDocument
  readonly envelope: CoseSign1
}

/** Reads a document without verifying anything. Throws FormatError ERR_CBOR_*, ERR_COSE_*, ERR_DOCUMENT_*. */
export function parseAttestation(bytes: Uint8Array): ParsedAttestation {
  const { fields, envelope } = parsePayload(bytes)
  // The same root signs for the NitroTPM of whole instances; nothing but this field tells them from enclaves.
  if (fields.has('nitrotpm_pcrs')) {
    throw new FormatError(
      'ERR_DOCUMENT_NITROTPM',
      "a NitroTPM's document speaks for an instance, not for an enclave",
    )
  }
  const document = readFields(fields, 'pcrs')
  // A register that is not there was not measured either.
  const isZero = (index: number) => document.pcrs.get(index)?.every((byte) => byte === 0) ?? true
  return { envelope, document: { ...document, debugMode: [0, 1, 2].every(isZero) } }
}
