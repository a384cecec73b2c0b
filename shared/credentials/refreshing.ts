/** Credentials that are fetched before they are needed, and kept while they are good. */
import { OperationError } from '../errors.js'
import type { Credentials } from './container-shape.js'
import { expiryOf } from './expiry.js'

export interface FetchOptions {
  readonly forceRefresh: boolean
}

export interface RefreshingOptions {
  /** Who gives them, for messages. */
  readonly giver: string
  /**
   * Fetches; `signal` tells that nobody waits for it any more, `forceRefresh` that what it gave last was refused: what
   * it holds itself is of no use.
   */
  readonly fetch: (signal: AbortSignal, options: FetchOptions) => Promise<Credentials>
  /** Milliseconds that one fetch may take. */
  readonly timeout: number
  /** Whether they are known to be others by now: then they are fetched again, whatever their expiration. */
  readonly changed?: (() => Promise<boolean>) | undefined
  /** Fetches at once, and later by a timer (which keeps no process alive), not only when asked. */
  readonly ahead?: boolean | undefined
  /** Must not throw. */
  readonly onRefreshed?: ((credentials: Credentials) => void) | undefined
  /** `kept`: what is given out nevertheless. Must not throw. */
  readonly onFailed?: ((error: unknown, kept: Credentials | undefined) => void) | undefined
  readonly now?: (() => number) | undefined
}

export interface RefreshingCredentials {
  /**
   * Never expired ones. With `forceRefresh` newly fetched ones, because those held were refused.
   * Rejects with what `fetch` failed with, or OperationError ERR_CREDENTIALS.
   */
  get(options?: Partial<FetchOptions>): Promise<Credentials>
  /** Ends the timer. */
  close(): void
}

// Milliseconds from here on.

/** Before they expire; half of their life where that is less. The SDK's own clients ask again as early as this. */
const EARLY = 300_000
/** They are given out at once while they are good for so long; after that a caller waits for newer ones. */
const ENOUGH = 60_000
/** After the first failed fetch; twice as long after each one more. */
const FIRST_RETRY = 1_000
const LAST_RETRY = 30_000
/** A timer sleeps no longer: clocks are set, machines are suspended. */
const LONGEST_SLEEP = 60_000

interface Held {
  readonly credentials: Credentials
  readonly expires: number
  readonly refreshAt: number
}

/** The last of `count` failed fetches in a row. */
interface Failure {
  readonly error: unknown
  readonly at: number
  readonly count: number
}

/**
 * Refreshed five minutes before they expire, or at half of a shorter life; callers at the same time share one fetch. A
 * failed one is tried again after 1 s, 2 s, 4 s and so on up to 30 s; until it succeeds the old ones are given, as long
 * as they are valid.
 */
export function refreshingCredentials(options: RefreshingOptions): RefreshingCredentials {
  const { giver, timeout, changed, ahead = false, now = Date.now } = options
  let held: Held | undefined
  let failure: Failure | undefined
  let pending: Promise<Credentials> | undefined
  let forced: Promise<Credentials> | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const valid = (): Held | undefined => (held !== undefined && now() < held.expires ? held : undefined)

  const hold = (credentials: Credentials): void => {
    const fetched = now()
    const expires = expiryOf(credentials, giver)
    if (expires <= fetched) {
      const words = `${giver} gave credentials that expired at ${iso(expires)}`
      throw new OperationError('ERR_CREDENTIALS', `${words}; the clock here says ${iso(fetched)}`)
    }
    const early = Math.min(EARLY, (expires - fetched) / 2)
    held = { credentials, expires, refreshAt: Math.max(expires - early, fetched + FIRST_RETRY) }
  }

  const attempt = async (forceRefresh: boolean): Promise<Credentials> => {
    try {
      const fetch = (signal: AbortSignal) => options.fetch(signal, { forceRefresh })
      const credentials = await limited(fetch, timeout, giver)
      hold(credentials)
      failure = undefined
      options.onRefreshed?.(credentials)
      return credentials
    } catch (error) {
      failure = { error, at: now(), count: (failure?.count ?? 0) + 1 }
      options.onFailed?.(error, valid()?.credentials)
      throw error
    } finally {
      pending = undefined
      arm()
    }
  }

  const refresh = (): Promise<Credentials> => {
    if (forced !== undefined) return forced
    pending ??= attempt(false)
    return pending
  }
  /** What is on its way already may be what was refused: so afterwards, but once for all who ask meanwhile. */
  const refreshForced = (): Promise<Credentials> => {
    forced ??= (async () => {
      await pending?.catch(() => undefined)
      pending = attempt(true)
      return pending
    })().finally(() => {
      forced = undefined
    })
    return forced
  }
  const refreshUnasked = (): void => void refresh().catch(() => undefined)

  /** Milliseconds until a fetch is due. */
  const untilDue = (): number => {
    if (failure === undefined) return (held?.refreshAt ?? 0) - now()
    return untilRetry(failure, Math.min(FIRST_RETRY * 2 ** (failure.count - 1), LAST_RETRY))
  }

  /** `delay`: milliseconds from the failure on. */
  const untilRetry = ({ at }: Failure, delay: number): number => {
    const wait = at + delay - now()
    // The clock was set back.
    return wait > delay ? 0 : wait
  }

  const arm = (): void => {
    clearTimeout(timer)
    if (!ahead || closed || untilDue() === Number.POSITIVE_INFINITY) return
    timer = setTimeout(() => (untilDue() > 0 ? arm() : refreshUnasked()), clamp(untilDue()))
    timer.unref()
  }

  if (ahead) refreshUnasked()

  return {
    get: async ({ forceRefresh = false } = {}) => {
      if (forceRefresh) {
        if (forced === undefined && failure && untilRetry(failure, FIRST_RETRY) > 0) throw failure.error
        return refreshForced()
      }
      const other = (await changed?.()) ?? false
      const current = valid()
      if (!other) {
        if (current !== undefined) {
          if (untilDue() > 0) return current.credentials
        } else if (failure && untilRetry(failure, FIRST_RETRY) > 0) {
          // Whoever asks need not wait for the timer; but no more than one fetch a second fails.
          throw failure.error
        }
      }
      const refreshed = refresh()
      if (!other && current !== undefined && current.expires - now() > ENOUGH) {
        refreshed.catch(() => undefined)
        return current.credentials
      }
      try {
        return await refreshed
      } catch (error) {
        const kept = valid()
        if (kept === undefined) throw error
        return kept.credentials
      }
    },
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}

const clamp = (wait: number): number => Math.min(Math.max(wait, 1), LONGEST_SLEEP)
const iso = (time: number): string => new Date(time).toISOString()

/** What `fetch` gives, or an error in time. */
async function limited(
  fetch: (signal: AbortSignal) => Promise<Credentials>,
  timeout: number,
  giver: string,
): Promise<Credentials> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new OperationError('ERR_CREDENTIALS', `${giver} gave no credentials within ${timeout} ms`))
      controller.abort()
    }, timeout)
  })
  try {
    return await Promise.race([fetch(controller.signal), late])
  } finally {
    clearTimeout(timer)
  }
}
