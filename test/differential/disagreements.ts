/** What two verifiers said of the same bytes, and why they may say different things. */
import { expect } from 'vitest'

export interface Verdict {
  readonly accepted: boolean
  /** Why not: an error code of ours, a message of theirs. */
  readonly reason: string
}

export interface Comparison {
  /** What was done to the bytes. */
  readonly name: string
  readonly ours: Verdict
  readonly theirs: Verdict
}

/** One kind of disagreement: who refuses, with what reason, and which mutations. */
export interface Explanation {
  readonly stricter: 'ours' | 'theirs'
  /** The reason of whoever refuses. */
  readonly refusal: RegExp
  /** All mutations unless given. */
  readonly of?: RegExp
  readonly why: string
}

export const ACCEPTED: Verdict = { accepted: true, reason: 'accepted' }

export function refused(reason: string): Verdict {
  return { accepted: false, reason }
}

function explanationOf(
  { name, ours, theirs }: Comparison,
  explanations: readonly Explanation[],
): Explanation | undefined {
  return explanations.find(({ stricter, refusal, of = /^/ }) => {
    const [strict, lenient] = stricter === 'ours' ? [ours, theirs] : [theirs, ours]
    return !strict.accepted && lenient.accepted && refusal.test(strict.reason) && of.test(name)
  })
}

/** Fails for a disagreement that has no explanation. */
export function expectExplained(
  comparisons: readonly Comparison[],
  explanations: readonly Explanation[],
): void {
  expect(differing(comparisons).filter((one) => explanationOf(one, explanations) === undefined)).toEqual([])
}

/** Fails for an explanation of nothing, too: `comparisons` have at least one disagreement of each kind. */
export function expectAllExplained(
  comparisons: readonly Comparison[],
  explanations: readonly Explanation[],
): void {
  expectExplained(comparisons, explanations)
  const used = new Set(differing(comparisons).map((one) => explanationOf(one, explanations)))
  expect(explanations.filter((explanation) => !used.has(explanation))).toEqual([])
}

function differing(comparisons: readonly Comparison[]): readonly Comparison[] {
  return comparisons.filter(({ ours, theirs }) => ours.accepted !== theirs.accepted)
}
