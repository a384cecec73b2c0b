/** KMS knows who calls, and no policy lets the call through. */
import { OPERATIONS } from '../operations.js'
import type { Diagnosis, DiagnosisCode, Failure } from './diagnosis.js'
import { pcrDifferences, pcrText } from './pcrs.js'

/**
 * AWS's words (IAM User Guide, "Troubleshoot access denied error messages"): `because no identity-based policy allows
 * the kms:Decrypt action`, `with an explicit deny in a resource-based policy`.
 */
const IMPLICIT = /because no ([a-z -]{3,40}? (?:policy|boundary)) allows/i
const EXPLICIT = /with an explicit deny in an? ([a-z -]{3,40}? (?:policy|boundary))/i

/** Instead of NotFoundException: whoever may not use a key of another account, or a ciphertext's, is not told of it. */
const UNREACHABLE = /does not exist in this region, (?:or you are not allowed|no resource-based policies)/i

const COMPARE =
  'Compare PCR0 with kms:RecipientAttestation:ImageSha384 or :PCR0 in the policies; the option `expectedPcrs` of ' +
  'createKmsClient compares by itself.'

export function accessDenied(failure: Failure): Diagnosis | undefined {
  const { symptom, document, client } = failure
  if (symptom !== 'AccessDeniedException') return undefined
  if (document?.debugMode) {
    return {
      code: 'DEBUG_MODE',
      likely:
        'PCR0, PCR1 and PCR2 of this enclave are zero: it runs in debug mode, and a policy that pins an image does ' +
        'not let that through.',
      next: 'Start the enclave without --debug-mode. Never write zeros into a policy: every debug enclave has them.',
    }
  }
  const differences = document && client.expectedPcrs && pcrDifferences(document, client.expectedPcrs)
  if (differences !== undefined && differences.length > 0) {
    return {
      code: 'PCR_MISMATCH',
      likely: `This is another image than the policies are expected to want. ${differences.join(' ')}`,
      next: 'Run the image that was measured, or write the new values into the policies and into `expectedPcrs`.',
    }
  }
  const { code, likely, next } = refusedBy(failure)
  const [about, compare] = registers(failure, differences !== undefined)
  return { code, likely: `${likely} ${about}`.trim(), next: `${next} ${compare}`.trim() }
}

function refusedBy({ message, operation, client }: Failure): Diagnosis {
  const action = `kms:${operation}`
  const denied = EXPLICIT.exec(message)?.[1]
  if (denied !== undefined) {
    return said(
      'EXPLICIT_DENY',
      `A Deny statement in the ${denied} fits this call, and no Allow outweighs that.`,
      `Find the Deny that covers ${action}, and the condition under which it applies.`,
    )
  }
  const silent = IMPLICIT.exec(message)?.[1]?.toLowerCase()
  if (silent === 'identity-based policy') {
    return said(
      'IDENTITY_POLICY',
      `No statement of the caller's IAM policies allows ${action} as it was called: the permission is missing, or one ` +
        'of its conditions does not hold.',
      `Allow ${action} in a policy of the role or user that the message names${resource(operation)}.`,
    )
  }
  if (silent === 'resource-based policy') {
    return said(
      'KEY_POLICY',
      `The key policy does not let this caller use ${action} as it was called, nor leave that to IAM policies.`,
      "Allow in the key policy the role or user that the message names, or the account's root, so that IAM policies " +
        'count.',
    )
  }
  if (UNREACHABLE.test(message)) {
    return said(
      'KEY_UNREACHABLE',
      'The KMS key, or that of the ciphertext, is in another region, was deleted, or is of another account whose key ' +
        'policy does not let this caller in.',
      `See in which region and account the key is (this client asks ${client.region}), and that its policy allows ` +
        `${action}.`,
    )
  }
  return said(
    'ACCESS_DENIED',
    silent === undefined
      ? `A policy does not allow ${action} as it was called.`
      : `No ${silent} allows ${action} as it was called.`,
    'See the policies that have a say: identity, key, organization, VPC endpoint.',
  )
}

const said = (code: DiagnosisCode, likely: string, next: string): Diagnosis => ({ code, likely, next })

function resource(operation: string): string {
  return OPERATIONS.get(operation)?.keyed === false ? ', for the resource *: no key takes part in it' : ''
}

/** What the registers have to do with it, and what to compare. */
function registers(
  { operation, attested, document }: Failure,
  compared: boolean,
): readonly [likely: string, next: string] {
  if (document === undefined) {
    return OPERATIONS.has(operation) && attested === undefined
      ? [
          'The call carried no attestation document: a policy that pins PCRs lets none of these through.',
          'Give createKmsClient a recipient.',
        ]
      : ['', '']
  }
  if (compared) return ['The PCRs are the expected ones.', '']
  const pcr0 = pcrText(document, 0)
  return [`If a policy pins PCRs, it may want others than this enclave's, whose PCR0 is ${pcr0}.`, COMPARE]
}
