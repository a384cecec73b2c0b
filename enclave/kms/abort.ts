/** An end to waiting, for work that cannot be recalled itself. */
import { setMaxListeners } from 'node:events'
import { type HandlerExecutionContext, SMITHY_CONTEXT_KEY } from '@smithy/types'

/** The `abortSignal` that a command was sent with. */
export function signalOf(context: HandlerExecutionContext): AbortSignal | undefined {
  const signal: unknown = context[SMITHY_CONTEXT_KEY]?.abortSignal
  return signal instanceof AbortSignal ? signal : undefined
}

/**
 * Begins `work` and settles as it does, but rejects with an AbortError (`cause`: the signal's reason) as soon as
 * `signal` is aborted, while the work goes on; `discard` gets what it then gives, too late. Of a signal that is aborted
 * already nothing begins.
 */
export async function abortable<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
  discard: (late: T) => void = () => undefined,
): Promise<T> {
  if (signal === undefined) return work()
  if (signal.aborted) throw abortError(signal)
  // One signal may end any number of calls: Node would take more than ten of them for a leak, and say so.
  setMaxListeners(Number.POSITIVE_INFINITY, signal)
  const begun = work()
  return new Promise((resolve, reject) => {
    let waiting = true
    const onAbort = () => {
      waiting = false
      reject(abortError(signal))
    }
    signal.addEventListener('abort', onAbort)
    begun
      .then((value) => (waiting ? resolve(value) : discard(value)), reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Named as the AWS SDK's own is, whatever the reason. */
function abortError({ reason }: AbortSignal): Error {
  return Object.assign(new Error('the call was aborted', { cause: reason }), { name: 'AbortError' })
}
