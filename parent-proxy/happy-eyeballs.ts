/** Which of several endpoints gets the connection: RFC 8305 section 5, "Connection Attempts". */
import { setMaxListeners } from 'node:events'
import type net from 'node:net'

/** Milliseconds between the start of an attempt and that of the next, as long as none has failed. */
const ATTEMPT_DELAY = 250
/** What this machine says of its own routes: less telling than what a server did. */
const NO_ROUTE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** The last attempt's error that says something of a server, else the last one. */
const tellingOf = (failures: readonly unknown[]): unknown => {
  const isTelling = (error: unknown) => !NO_ROUTE.has((error as NodeJS.ErrnoException).code ?? '')
  return failures.findLast(isTelling) ?? failures.at(-1)
}

/**
 * Tries `endpoints` in their order, each a while after the one before, or at once when one has failed. The first
 * socket that connects is the result; `attempt` destroys the others when its signal says so.
 * @throws the error of an attempt, when all have failed; the reason of `signal`
 */
export const firstConnected = <Endpoint>(
  endpoints: readonly Endpoint[],
  attempt: (endpoint: Endpoint, signal: AbortSignal) => Promise<net.Socket>,
  signal: AbortSignal,
): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const attempts = new AbortController()
    // One for each attempt; Node takes more than ten for a leak.
    setMaxListeners(0, attempts.signal)
    const failures: unknown[] = []
    let next = 0
    let timer: NodeJS.Timeout | undefined

    const finish = (reason?: unknown) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      attempts.abort(reason)
    }
    const onAbort = () => {
      finish(signal.reason)
      reject(signal.reason)
    }
    const onConnect = (socket: net.Socket) => {
      // Two may connect in one turn.
      if (attempts.signal.aborted) {
        socket.destroy()
        return
      }
      finish()
      resolve(socket)
    }
    const onFailure = (error: unknown) => {
      failures.push(error)
      if (attempts.signal.aborted) return
      if (failures.length < endpoints.length) return begin()
      finish()
      reject(tellingOf(failures))
    }
    const begin = () => {
      clearTimeout(timer)
      const endpoint = endpoints[next]
      if (endpoint === undefined) return
      next += 1
      timer = setTimeout(begin, ATTEMPT_DELAY)
      attempt(endpoint, attempts.signal).then(onConnect, onFailure)
    }

    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else begin()
  })
