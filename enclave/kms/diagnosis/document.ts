/** KMS does not take the attestation document. */
import { isStale } from '../stale-document.js'
import { inWords, secondsAhead } from './clock.js'
import type { Diagnosis, Failure } from './diagnosis.js'

export function refusedDocument(failure: Failure): Diagnosis | undefined {
  const { symptom, message, document, kmsTime } = failure
  if (symptom !== 'ValidationException' || document === undefined) return undefined
  if (isStale(Object.assign(new Error(message), { name: symptom }), 0)) {
    const behind = kmsTime && inWords(secondsAhead(document.timestamp, kmsTime))
    return {
      code: 'DOCUMENT_TOO_OLD',
      likely:
        'The attestation document was too old for KMS, and so was the new one of a second attempt' +
        (behind === undefined ? '.' : `: it was made at a time ${behind} the clock of KMS.`),
      next:
        'See how long calls are under way: a document lives five minutes. If they are quick, the clock of the Nitro ' +
        'Secure Module is wrong.',
    }
  }
  if (!/attestation document/i.test(message)) return undefined
  if (document.moduleId.includes('simulated')) {
    return {
      code: 'DOCUMENT_REFUSED',
      likely: 'The attestation document is that of a simulated module, whose root this KMS does not trust.',
      next: 'Let the simulated KMS and the simulated module share one authority; KMS itself takes none of a simulation.',
    }
  }
  return {
    code: 'DOCUMENT_REFUSED',
    likely:
      'KMS does not take the attestation document for one of a Nitro hypervisor, or cannot use its public key.',
    next: 'Verify it (nitro-enclave verify), and see that /dev/nsm is that of a Nitro enclave, and the key RSA.',
  }
}
