/**
 * Documents of QEMU's nitro-enclave machine (hw/virtio/virtio-nsm.c), which nobody signed: algorithm -1, zeros where
 * hardware has signature and certificates. Whoever runs the emulator can write any of them, so they prove nothing;
 * a simulated KMS takes them only where its `verify` is this function.
 */
import { parseAttestation } from '../../shared/attestation/document.js'
import { decodeCbor } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { FormatError, PolicyError } from '../../shared/errors.js'
import type { VerifiedDocument, VerifyDocument } from './operations.js'

/** Milliseconds, as for signed documents. */
const MAX_AGE = 300_000
/** In the place of the signature and of each certificate. */
const ZEROS = new Uint8Array(64)

/** Takes nothing but the emulator's own: signed documents are refused. */
export const acceptUnsignedEmulatorDocuments: VerifyDocument = async (bytes) => {
  const verified = parseEmulatorDocument(bytes)
  const age = Date.now() - verified.document.timestamp.getTime()
  if (age > MAX_AGE) throw new PolicyError('ERR_POLICY_MAX_AGE', `the document is ${age} ms old`)
  return verified satisfies VerifiedDocument
}

/** Throws FormatError for anything but a document of the emulator. */
export function parseEmulatorDocument(bytes: Uint8Array) {
  const parts = decodeCbor(bytes)
  if (!Array.isArray(parts) || parts.length !== 4) throw notEmulated('not a COSE_Sign1')
  const [header, unprotected = null, payload = null, signature] = parts
  if (!same(header, encodeCbor(new Map([[1, -1]])))) throw notEmulated('it names an algorithm')
  if (!same(signature, ZEROS)) throw notEmulated('it is signed')
  // Under the header and with the length of a real signature, so that the fields are read as strictly as ever.
  const form = encodeCbor([encodeCbor(new Map([[1, -35]])), unprotected, payload, new Uint8Array(96)])
  const { document } = parseAttestation(form)
  if (![document.certificate, ...document.cabundle].every((der) => same(der, ZEROS)))
    throw notEmulated('it has a certificate')
  return { document }
}

function same(value: unknown, bytes: Uint8Array): boolean {
  return value instanceof Uint8Array && Buffer.compare(value, bytes) === 0
}

function notEmulated(why: string): FormatError {
  return new FormatError('ERR_DOCUMENT_STRUCTURE', `not a document of the emulator: ${why}`)
}
