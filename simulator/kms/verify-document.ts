/** What the simulated KMS takes for an attestation document: one under this root, and fresh. */
import { verifyAttestation } from '../../shared/attestation/index.js'
import type { VerifyDocument } from './operations.js'

/** KMS refuses documents older than five minutes; in milliseconds. */
const MAX_DOCUMENT_AGE = 300_000

/** `root`: DER. A debug enclave's zeros are for the policy to refuse, as in the real KMS. */
export function documentsUnder(root: Uint8Array): VerifyDocument {
  return (document) =>
    verifyAttestation(document, { roots: [root], maxAge: MAX_DOCUMENT_AGE, allowDebug: true })
}
