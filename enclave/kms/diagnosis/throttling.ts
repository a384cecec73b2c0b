import type { Diagnosis, Failure } from './diagnosis.js'

/** KMS Developer Guide, "Throttling AWS KMS requests". */
export function throttled({ symptom, operation }: Failure): Diagnosis | undefined {
  if (symptom !== 'ThrottlingException') return undefined
  return {
    code: 'THROTTLED',
    likely: "The account's rate of KMS calls in this region is exceeded, also at the last attempt.",
    next: `Call ${operation} less often (one data key serves many values), raise \`maxAttempts\`, or ask for a higher quota.`,
  }
}
