/** Verification of documents in bulk, in the order in which they came. How they are spread is the platform's affair. */
import { UsageError } from '../errors.js'
import { checkNames, ENCLAVE_VERIFY_OPTIONS, type VerifyOptions } from './options.js'
import type { Examination, Verifier } from './verify.js'
import { type Examiner, Iteration } from './verify-many-iteration.js'

export type VerifyManyOptions = VerifyOptions & {
  /** Documents verified at the same time, 1 to 1,024. On Node these are threads, as many as it has cores unless given. */
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
    const iteration = new Iteration()
    const outcomes = many(iteration)
    const end = outcomes.return.bind(outcomes)
    // A generator's own return() waits for a next() that is under way, and so for a source that may never answer.
    outcomes.return = (value) => {
      iteration.stop()
      return end(value)
    }
    return outcomes

    async function* many(iteration: Iteration): AsyncGenerator<Examination, void, undefined> {
      checkNames(options, OPTIONS)
      const { concurrency = usualConcurrency(), signal, ...asked } = options
      checkConcurrency(concurrency)
      checkSignal(signal)
      checkDocuments(documents)
      // A document of no bytes is refused for that: what can be rejected here are the options.
      await examine(new Uint8Array(0), asked)
      yield* iteration.outcomes(documents, start(copyOf(asked), concurrency), signal)
    }
  }
}

/** Every document is held to the same, whatever becomes of the caller's objects meanwhile. */
function copyOf(options: VerifyOptions): VerifyOptions {
  try {
    return structuredClone(options)
  } catch {
    throw new UsageError('ERR_USAGE', 'options hold something that cannot be copied')
  }
}

function checkConcurrency(concurrency: unknown): void {
  const whole = typeof concurrency === 'number' && Number.isInteger(concurrency)
  if (!whole || concurrency < 1 || concurrency > MOST_AT_ONCE) {
    throw new UsageError('ERR_USAGE', `concurrency is not a whole number from 1 to ${MOST_AT_ONCE}`)
  }
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new UsageError('ERR_USAGE', 'signal is not an AbortSignal')
  }
}

function checkDocuments(documents: unknown): void {
  const iterable =
    typeof documents === 'object' &&
    documents !== null &&
    (Symbol.asyncIterator in documents || Symbol.iterator in documents)
  if (!iterable) throw new UsageError('ERR_USAGE', 'the documents are no iterable')
}
