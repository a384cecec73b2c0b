/** A second attempt, with a new document, for a call whose attestation document was too old for KMS. */

/**
 * KMS is said to refuse documents that are older than five minutes; AWS documents neither the limit nor the words.
 * A minute less, for what a clock may be wrong by.
 */
const SURELY_FRESH = 240_000

/** In whatever words: about the document, and about its age. */
const DOCUMENT = /attestation|document|recipient/i
const AGE = /\b(age|aged|old|older|expired?|stale|minutes?|fresh|timestamp|time limit)\b/i

/**
 * Makes `attempt`, which gets a new document each time, and once more when KMS refused the first one's age.
 * Other errors, and those of the second attempt, pass.
 */
export async function withFreshDocument<T>(attempt: () => Promise<T>): Promise<T> {
  // Monotonic: the wall clock may be put right meanwhile.
  const start = performance.now()
  try {
    return await attempt()
  } catch (error) {
    if (!isStale(error, performance.now() - start)) throw error
    return attempt()
  }
}

/** Whether KMS refused a document, at most `age` milliseconds old, for its age. */
export function isStale(error: unknown, age: number): boolean {
  if (!(error instanceof Error) || error.name !== 'ValidationException') return false
  return DOCUMENT.test(error.message) && (AGE.test(error.message) || age > SURELY_FRESH)
}
