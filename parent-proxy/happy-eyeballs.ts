/** Which of several endpoints gets the connection: RFC 8305 section 5, "Connection Attempts". */
import type net from 'node:net'

/** Milliseconds between the start of an attempt and that of the next, as long as none has failed. */
const ATTEMPT_DELAY = 250
/** What this machine says of its own routes: less telling than what a server did. */
const NO_ROUTE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** Why attempts are ended that nobody needs: made once, for each DOMException costs 17 µs. */
const SETTLED = new Error('another attempt has the connection')
const REPLACED = new Error('no answer yet, and no file descriptor for one more attempt')

/** The last attempt's error that says something of a server, else the last one. */
const tellingOf = (failures: readonly unknown[]): unknown => {
  const isTelling = (error: unknown) => !NO_ROUTE.has((error as NodeJS.ErrnoException).code ?? '')
  return failures.findLast(isTelling) ?? failures.at(-1)
}

/** Room for one more attempt beside those under way: returns what gives it back, undefined if there is none. */
export type Borrow = () => (() => void) | undefined

/**
 * Tries `endpoints` in their order, each a while after the one before, or at once when one has failed. The first
 * socket that connects is the result; `attempt` destroys its own when its signal says so. Where there is no room for
 * one more, the oldest attempt makes it.
 * @throws the error of an attempt, when all have failed; the reason of `signal`
 */
export const firstConnected = <Endpoint>(
  endpoints: readonly Endpoint[],
  attempt: (endpoint: Endpoint, signal: AbortSignal) => Promise<net.Socket>,
  signal: AbortSignal,
  borrow: Borrow = () => () => {},
): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const underWay = new Set<AbortController>()
    const failures: unknown[] = []
    let next = 0
    let over = 0
    let settled = false
    let timer: NodeJS.Timeout | undefined

    const finish = (reason: unknown = SETTLED) => {
      settled = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      for (const one of underWay) one.abort(reason)
    }
    const onAbort = () => {
      finish(signal.reason)
      reject(signal.reason)
    }
    const onConnect = (socket: net.Socket) => {
      // Two may connect in one turn.
      if (settled) {
        socket.destroy()
        return
      }
      finish()
      resolve(socket)
    }
    const onFailure = (error: unknown, { signal: { aborted, reason } }: AbortController) => {
      over += 1
      if (settled) return
      const replaced = aborted && reason === REPLACED
      if (!replaced) failures.push(error)
      if (over === endpoints.length) {
        finish()
        reject(failures.length > 0 ? tellingOf(failures) : REPLACED)
      } else if (!replaced) begin()
    }
    /** The first has its descriptor; those beside it borrow theirs. */
    const room = (): (() => void) | undefined => {
      if (underWay.size === 0) return () => {}
      const borrowed = borrow()
      if (borrowed === undefined) underWay.values().next().value?.abort(REPLACED)
      return borrowed
    }
    const begin = () => {
      clearTimeout(timer)
      const endpoint = endpoints[next]
      if (endpoint === undefined) return
      next += 1
      timer = setTimeout(begin, ATTEMPT_DELAY)
      const giveBack = room()
      const own = new AbortController()
      underWay.add(own)
      const free = () => {
        underWay.delete(own)
        giveBack?.()
      }
      attempt(endpoint, own.signal)
        .finally(free)
        .then(onConnect, (error: unknown) => onFailure(error, own))
    }

    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else begin()
  })
