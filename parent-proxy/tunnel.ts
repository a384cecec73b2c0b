/** Two connected sockets made one: bytes both ways, each way ending and slowing down on its own. */
import type net from 'node:net'
import { cut, endWhenSent } from './tunnel/cut.js'
import { hiddenReset } from './tunnel/hidden-reset.js'
import { canShare, forwardShared } from './tunnel/shared-buffer.js'

/** up: from the client to the upstream server. */
export type Direction = 'up' | 'down'

export interface TunnelOptions {
  /** Raised as bytes are passed on. */
  readonly bytes: { up: number; down: number }
  /** Sees every chunk before it is passed on; throwing ends the tunnel. */
  readonly tap?: (direction: Direction, data: Buffer) => void
  /** Milliseconds without a byte, once one side has ended, until the tunnel is cut. */
  readonly halfOpenTimeout: number
  /** Milliseconds without a byte either way until the tunnel is cut; 0 for none. */
  readonly idleTimeout: number
  /** Cuts the tunnel. */
  readonly signal: AbortSignal
}

export interface TunnelEnd {
  /**
   * ended: both sides finished. half-open-timeout: one did, the other fell silent. idle-timeout: both fell silent.
   * closed: by the signal, or by a `tap` that threw. Else: whose socket broke.
   */
  readonly reason:
    | 'ended'
    | 'client-error'
    | 'upstream-error'
    | 'half-open-timeout'
    | 'idle-timeout'
    | 'closed'
  readonly error?: Error
}

/** By the stream's own events. `onData` sees each chunk before it is written, and nothing when all is written. */
const forwardByEvents = (from: net.Socket, to: net.Socket, onData: (data?: Buffer) => void): void => {
  from.on('data', (data: Buffer) => {
    onData(data)
    // Refused where onData() has cut the tunnel.
    if (!to.write(data)) from.pause()
  })
  to.on('drain', () => {
    onData()
    from.resume()
  })
  from.resume()
}

/**
 * Forwards between `client` and `upstream` (both made with allowHalfOpen) until both are closed; never rejects. Takes
 * over what they have received already. For a reader that stalls, at most SHARED_BUFFER_SIZE bytes a direction are
 * held; with a `tap`, or where a socket is not the kernel's own, two high-water marks: what one write exceeded, and
 * what one read brought.
 */
export const tunnel = (
  client: net.Socket,
  upstream: net.Socket,
  options: TunnelOptions,
): Promise<TunnelEnd> =>
  new Promise((resolve) => {
    const { bytes, tap, halfOpenTimeout, idleTimeout, signal } = options
    let end: TunnelEnd | undefined
    let timer: NodeJS.Timeout | undefined

    const stop = (reason: TunnelEnd['reason'], error?: Error) => {
      end ??= error === undefined ? { reason } : { reason, error }
      cut(client)
      cut(upstream)
    }
    const cutAfter = (silence: number, reason: TunnelEnd['reason']) => {
      clearTimeout(timer)
      timer = setTimeout(() => stop(reason), silence)
    }
    const onAbort = () => stop('closed')
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(end ?? { reason: 'ended' })
    }

    const pass = (direction: Direction, from: net.Socket, to: net.Socket) => {
      if (tap === undefined && canShare(from, to)) {
        forwardShared(from, to, (size) => {
          bytes[direction] += size
          timer?.refresh()
        })
        return
      }
      forwardByEvents(from, to, (data) => {
        timer?.refresh()
        if (data === undefined) return
        bytes[direction] += data.length
        try {
          tap?.(direction, data)
        } catch (error) {
          stop('closed', error instanceof Error ? error : new Error(String(error)))
        }
      })
    }

    const forward = (direction: Direction, from: net.Socket, to: net.Socket) => {
      const blame = direction === 'up' ? 'client-error' : 'upstream-error'
      from.on('end', () => {
        const reset = hiddenReset(from)
        if (reset !== undefined) return stop(blame, reset)
        endWhenSent(to)
        if (idleTimeout === 0 || idleTimeout > halfOpenTimeout) cutAfter(halfOpenTimeout, 'half-open-timeout')
      })
      from.on('error', (error) => stop(blame, error))
      from.on('close', () => {
        // Closed before both ways had ended: somebody destroyed it.
        if (!from.readableEnded || !from.writableFinished) stop(blame)
        if (to.closed) finish()
      })
      pass(direction, from, to)
    }

    if (idleTimeout > 0) cutAfter(idleTimeout, 'idle-timeout')
    forward('up', client, upstream)
    forward('down', upstream, client)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    // One of them may have died before anybody listened here.
    if (client.destroyed) stop('client-error')
    if (upstream.destroyed) stop('upstream-error')
    if (client.closed && upstream.closed) finish()
  })
