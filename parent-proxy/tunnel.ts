/** Two connected sockets made one: bytes both ways, each way ending and slowing down on its own. */
import type net from 'node:net'

/** up: from the client to the upstream server. */
export type Direction = 'up' | 'down'

export interface TunnelOptions {
  /** Sees every chunk before it is passed on; throwing ends the tunnel. */
  readonly onData: (direction: Direction, data: Buffer) => void
  /** Milliseconds without a byte, once one side has ended, until the tunnel is cut. */
  readonly halfOpenTimeout: number
  /** Cuts the tunnel. */
  readonly signal: AbortSignal
}

export interface TunnelEnd {
  /**
   * ended: both sides finished. half-open-timeout: one did, the other fell silent. closed: by the signal, or by
   * an `onData` that threw. Else: whose socket broke.
   */
  readonly reason: 'ended' | 'client-error' | 'upstream-error' | 'half-open-timeout' | 'closed'
  readonly error?: Error
}

/** Over TCP with RST, so that a cut-off answer can't pass for a complete one; Unix sockets have no such thing. */
export const cut = (socket: net.Socket): void => {
  if (socket.localFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}

/**
 * Forwards between `client` and `upstream` (both made with allowHalfOpen) until both are closed; never rejects.
 * At most about two high-water marks a direction are held: what one write exceeded, and what one read brought.
 */
export const tunnel = (
  client: net.Socket,
  upstream: net.Socket,
  options: TunnelOptions,
): Promise<TunnelEnd> =>
  new Promise((resolve) => {
    let end: TunnelEnd | undefined
    const stop = (reason: TunnelEnd['reason'], error?: Error) => {
      end ??= error === undefined ? { reason } : { reason, error }
      cut(client)
      cut(upstream)
    }

    const onAbort = () => stop('closed')
    const finish = () => {
      options.signal.removeEventListener('abort', onAbort)
      resolve(end ?? { reason: 'ended' })
    }

    const forward = (direction: Direction, from: net.Socket, to: net.Socket) => {
      const blame = direction === 'up' ? 'client-error' : 'upstream-error'
      from.on('data', (data: Buffer) => {
        try {
          options.onData(direction, data)
        } catch (error) {
          stop('closed', error instanceof Error ? error : new Error(String(error)))
          return
        }
        if (!to.write(data)) from.pause()
      })
      to.on('drain', () => from.resume())
      from.on('end', () => {
        to.end()
        to.setTimeout(options.halfOpenTimeout, () => stop('half-open-timeout'))
      })
      from.on('error', (error) => stop(blame, error))
      from.on('close', () => {
        // Closed before both ways had ended: somebody destroyed it.
        if (!from.readableEnded || !from.writableFinished) stop(blame)
        if (to.closed) finish()
      })
    }

    forward('up', client, upstream)
    forward('down', upstream, client)
    options.signal.addEventListener('abort', onAbort, { once: true })
    if (options.signal.aborted) onAbort()
    // One of them may have died before anybody listened here.
    if (client.destroyed) stop('client-error')
    if (upstream.destroyed) stop('upstream-error')
    if (client.closed && upstream.closed) finish()
    client.resume()
    upstream.resume()
  })
