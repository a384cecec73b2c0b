/** What a verification found: every check with its verdict, for the person who must explain it. */
import { type ErrorCode, type NitroEnclaveError, PolicyError } from '../errors.js'
import type { Judged, Refusal, Requirement } from './requirement.js'

export interface Check {
  /** `form`, `certificate path`, `signature`; then what the policy asks: `debug mode`, `PCR0`, `nonce`, `age` … */
  readonly name: string
  /** A check is not reached when one before it failed: nothing is said of what a forgery contains. */
  readonly verdict: 'passed' | 'failed' | 'not reached'
  readonly expected: string
  /** Absent when not reached. */
  readonly actual?: string
  /** Of a check that failed, as the error's. */
  readonly code?: ErrorCode
  /** Of a check that failed: the whole sentence. */
  readonly reason?: string
  /** What the difference means, where that can be told: `zero: the image is not signed`. */
  readonly hint?: string
}

/** The three that make a document genuine, each on the ground of the one before. */
const GROUNDS = [
  ['form', 'a COSE_Sign1 by ES384 of an attestation document'],
  [
    'certificate path',
    'from a trusted root to the certificate in the document, valid at the time of verification',
  ],
  ['signature', "by that certificate's key over this payload"],
] as const

/** `passed`: how many of the grounds hold; `refusal`: why the next one does not, when there is one. */
export function groundChecks(passed: number, refusal?: NitroEnclaveError): readonly Check[] {
  return GROUNDS.map(([name, expected], index): Check => {
    if (index < passed) return { name, verdict: 'passed', expected, actual: 'as expected' }
    if (index > passed || refusal === undefined) return { name, verdict: 'not reached', expected }
    const { code, message } = refusal
    return { name, verdict: 'failed', expected, actual: message, code, reason: message }
  })
}

export function unreachedChecks(requirements: readonly Requirement[]): readonly Check[] {
  return requirements.map(({ name, expected }) => ({ name, verdict: 'not reached', expected }))
}

export interface Judgements {
  readonly checks: readonly Check[]
  /** Of the first check that failed; its message names the others. */
  readonly error?: PolicyError
}

/** All requirements are judged, also after one that fails. */
export async function judge(
  requirements: readonly Requirement[],
  document: Judged,
  now: Date,
): Promise<Judgements> {
  const checks: Check[] = []
  const failed: (Refusal & { readonly name: string })[] = []
  for (const { name, expected, judge: ask } of requirements) {
    const { actual, refusal } = await ask(document, now)
    checks.push({ name, verdict: refusal ? 'failed' : 'passed', expected, actual, ...refusal })
    if (refusal) failed.push({ name, ...refusal })
  }
  const [first, ...others] = failed
  if (first === undefined) return { checks }
  const also = others.length === 0 ? '' : ` (refused, too: ${others.map(({ name }) => name).join(', ')})`
  return { checks, error: new PolicyError(first.code, first.reason + also) }
}
