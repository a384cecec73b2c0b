/** One address that enclaves dial: accepts, lets in, hands over to its route, keeps the account. */
import type net from 'node:net'
import { NitroEnclaveError, OperationError } from '../shared/errors.js'
import { type ListenOptions, listen, peerAddress, type VsockAddress } from '../shared/vsock/index.js'
import type { Admission, LaneLimits } from './admission.js'
import type { Bytes, Carried, ConnectionSummary, EndReason, Route } from './connection.js'
import { discard } from './tunnel-route.js'

export interface ListenerSettings extends LaneLimits {
  /** Whose connections these are, where the socket cannot tell. */
  readonly cid?: number | undefined
  /** The CIDs that may connect; all of them without. */
  readonly from?: readonly number[] | undefined
  /** Milliseconds that a connection may wait for a place. */
  readonly queueTimeout: number
  readonly route: Route
}

export interface ListenerEvents {
  /** A connection is gone. */
  readonly onConnection: (summary: ConnectionSummary) => void
  /** Accepting failed; the listener goes on. */
  readonly onError: (error: Error) => void
}

export interface ListenerStatus {
  readonly name: string
  readonly to?: string
  readonly open: number
  readonly waiting: number
  readonly accepted: number
  /** How many connections ended so; a reason that never occurred is not there. */
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  /** From and to enclaves, those of open connections included. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** It has stopped listening; what is open goes on. */
  readonly draining: boolean
}

/** The account of a listener with that of an earlier one of its name. */
export const added = (status: ListenerStatus, earlier: ListenerStatus | undefined): ListenerStatus => {
  if (earlier === undefined) return status
  const ended = { ...status.ended }
  for (const [reason, count] of Object.entries(earlier.ended) as [EndReason, number][]) {
    ended[reason] = (ended[reason] ?? 0) + count
  }
  return {
    ...status,
    open: status.open + earlier.open,
    waiting: status.waiting + earlier.waiting,
    accepted: status.accepted + earlier.accepted,
    bytesUp: status.bytesUp + earlier.bytesUp,
    bytesDown: status.bytesDown + earlier.bytesDown,
    draining: status.draining && earlier.draining,
    ended,
  }
}

export interface Listener {
  readonly name: string
  status(): ListenerStatus
  /** For the connections that come from now on. */
  update(settings: ListenerSettings): void
  /** Stops listening and sends away who waits; what is open goes on. Resolves when nothing is open any more. */
  stop(): Promise<void>
  /** Ends what is open. */
  cut(): void
}

interface Open {
  readonly controller: AbortController
  readonly bytes: Bytes
}

/** Throws OperationError ERR_PROXY_LISTEN naming the listener and the system's error; ERR_VSOCK_UNAVAILABLE, ERR_VSOCK_ADDRESS. */
export const startListener = async (
  name: string,
  address: Pick<ListenOptions, 'transport' | 'backlog'> & VsockAddress,
  initial: ListenerSettings,
  admission: Admission,
  events: ListenerEvents,
): Promise<Listener> => {
  let settings = initial
  let stopped: Promise<void> | undefined
  let accepted = 0
  const open = new Map<Open, Promise<void>>()
  /** Leave the queue, and end. */
  const waiting = new Set<() => void>()
  const past = { bytesUp: 0, bytesDown: 0, ended: {} as Partial<Record<EndReason, number>> }
  const lane = admission.addLane(settings)

  const report = (summary: ConnectionSummary) => {
    past.bytesUp += summary.bytesUp
    past.bytesDown += summary.bytesDown
    past.ended[summary.reason] = (past.ended[summary.reason] ?? 0) + 1
    events.onConnection(summary)
  }

  const accept = (client: net.Socket) => {
    // Until the route takes over, its 'close' says enough.
    client.on('error', () => {})
    const began = performance.now()
    const connection = ++accepted
    const { route, from, queueTimeout } = settings
    const cid = peerAddress(client)?.cid ?? settings.cid
    const end = (reason: EndReason, bytes: Bytes, more: Omit<Carried, 'reason'> = {}) =>
      report({
        listener: name,
        connection,
        ...(cid !== undefined && { cid }),
        ...(route.to !== undefined && { to: route.to }),
        bytesUp: bytes.up,
        bytesDown: bytes.down,
        duration: performance.now() - began,
        reason,
        ...more,
      })
    const turnAway = (reason: EndReason) => {
      void discard(client)
      end(reason, { up: 0, down: 0 })
    }

    const carry = (release: () => void) => {
      stopWaiting()
      const one = { controller: new AbortController(), bytes: { up: 0, down: 0 } }
      // A turn later: whoever is called from here finds this connection among the open ones.
      const done = Promise.resolve()
        .then(() =>
          route.carry(client, {
            connection,
            bytes: one.bytes,
            signal: one.controller.signal,
            borrow: admission.borrow,
          }),
        )
        .then(({ reason, ...more }) => {
          open.delete(one)
          end(reason, one.bytes, more)
        })
        .finally(release)
      open.set(one, done)
    }

    let timer: NodeJS.Timeout | undefined
    const giveUp = (reason: EndReason) => {
      if (leave?.()) turnAway(reason)
      stopWaiting()
    }
    const onStop = () => giveUp('closed')
    const stopWaiting = () => {
      clearTimeout(timer)
      waiting.delete(onStop)
    }

    // One whose CID nobody knows is none of them: it may have left before the kernel was asked.
    if (from !== undefined && (cid === undefined || !from.includes(cid))) return turnAway('cid-refused')
    let begun = false
    const leave = lane.enter(cid, (release) => {
      begun = true
      carry(release)
    })
    if (leave === undefined) return turnAway('queue-full')
    if (begun) return
    timer = setTimeout(() => giveUp('queue-timeout'), queueTimeout)
    waiting.add(onStop)
  }

  // Nothing is read before there is somewhere to send it: a waiting connection holds no bytes here.
  const server = await listen({ ...address, allowHalfOpen: true, pauseOnConnect: true }).catch(
    (error: Error) => {
      if (error instanceof NitroEnclaveError) throw error
      throw new OperationError('ERR_PROXY_LISTEN', `cannot listen on ${name}: ${error.message}`, {
        cause: error,
      })
    },
  )
  server.on('connection', accept)
  // One failed accept is not the end of all other connections.
  server.on('error', events.onError)

  const stop = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const end of [...waiting]) end()
    await closed
    await Promise.all(open.values())
  }

  return {
    name,
    status: () => {
      let { bytesUp, bytesDown } = past
      for (const { bytes } of open.keys()) {
        bytesUp += bytes.up
        bytesDown += bytes.down
      }
      return {
        name,
        ...(settings.route.to !== undefined && { to: settings.route.to }),
        open: lane.open,
        waiting: lane.waiting,
        accepted,
        ended: { ...past.ended },
        bytesUp,
        bytesDown,
        draining: stopped !== undefined,
      }
    },
    update: (changed) => {
      settings = changed
      lane.limit(changed)
    },
    stop: () => {
      stopped ??= stop()
      return stopped
    },
    cut: () => {
      for (const { controller } of open.keys()) controller.abort()
    },
  }
}
