/** Verification of documents in bulk, in the order in which they came. How they are spread is the platform's affair. */
import { UsageError } from '../errors.js'
import { ENCLAVE_VERIFY_OPTIONS, type VerifyOptions } from './options.js'
import { snapshotOf } from './snapshot.js'
import type { Examination, Verifier } from './verify.js'
import { type Examiner, Iteration } from './verify-many-iteration.js'

export type VerifyManyOptions = VerifyOptions & {
  /** Documents verified at the same time by one iteration, 1 to 1,024. On Node threads, as many as it has cores unless given. */
  readonly concurrency?: number
  /** Ends the iteration, which rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export type Documents = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

export type VerifyMany = (
  documents: Documents,
  options?: VerifyManyOptions,
) => AsyncGenerator<Examination, void, undefined>

/** Whatever verifies on this platform. `options` are a copy of their own, and were found good. */
export type StartExaminer = (options: VerifyOptions, concurrency: number) => Examiner

const MOST_AT_ONCE = 1024
const OPTIONS: readonly string[] = ['concurrency', 'signal', ...ENCLAVE_VERIFY_OPTIONS]

export function createVerifyMany(
  examine: Verifier['examineAttestation'],
  start: StartExaminer,
  usualConcurrency: () => number,
): VerifyMany {
  return (documents, options = {}) => {
    const taken = take(options)
    const iteration = new Iteration()
    const outcomes = many(iteration)
    const { return: end, throw: fail } = outcomes
    // A generator's own return() and throw() wait for a next() that is under way, and so for a source that may never answer.
    outcomes.return = (value) => {
      iteration.stop()
      return end.call(outcomes, value)
    }
    outcomes.throw = (error) => {
      iteration.stop()
      return fail.call(outcomes, error)
    }
    return outcomes

    async function* many(iteration: Iteration): AsyncGenerator<Examination, void, undefined> {
      if ('error' in taken) throw taken.error
      const { concurrency = usualConcurrency(), signal, ...asked } = taken.options
      checkConcurrency(concurrency)
      checkSignal(signal)
      checkDocuments(documents)
      const here = (document: Uint8Array) => examine(document, asked)
      // A document of no bytes is refused for that: what can be rejected here are the options.
      await here(new Uint8Array(0))
      yield* iteration.outcomes(documents, start(asked, concurrency), here, signal)
    }
  }
}

type Taken = { readonly options: VerifyManyOptions } | { readonly error: unknown }

/** What is asked for is what was asked for at the call; what is wrong with it is told by the first next(). */
function take(options: VerifyManyOptions): Taken {
  try {
    return { options: snapshotOf(options, OPTIONS) }
  } catch (error) {
    return { error }
  }
}

function checkConcurrency(concurrency: number): void {
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MOST_AT_ONCE) {
    throw new UsageError('ERR_USAGE', `concurrency is not a whole number from 1 to ${MOST_AT_ONCE}`)
  }
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new UsageError('ERR_USAGE', 'signal is not an AbortSignal')
  }
}

function checkDocuments(documents: Partial<AsyncIterable<unknown> & Iterable<unknown>>): void {
  const iterable =
    typeof documents === 'object' &&
    documents !== null &&
    typeof (documents[Symbol.asyncIterator] ?? documents[Symbol.iterator]) === 'function'
  if (!iterable) throw new UsageError('ERR_USAGE', 'the documents are no iterable')
}
