/** A listener's connections to one upstream server: resolve, connect, relay. */
import type net from 'node:net'
import type { Target } from './allowlist.js'
import type { Carriage, Carried, Route } from './connection.js'
import { dial } from './dial.js'
import type { Resolver } from './resolver.js'
import { cut } from './tunnel/cut.js'
import { type Direction, tunnel } from './tunnel.js'

export interface TunnelRouteOptions {
  readonly to: Target
  readonly resolver: Resolver
  /** Whether an address may be dialled. */
  readonly permits: (address: string, port: number) => boolean
  /** Milliseconds for resolving and connecting together. */
  readonly connectTimeout: number
  /** Milliseconds; 0 for none. */
  readonly idleTimeout: number
  readonly halfOpenTimeout: number
  readonly tap?: ((record: TapRecord) => void) | undefined
}

/** Of one connection. */
export interface TapRecord {
  readonly connection: number
  readonly direction: Direction
  /** The very bytes that are forwarded: copy them to keep them, change nothing. */
  readonly data: Buffer
}

/** Destroys a socket that never had a counterpart; resolves when it is gone. */
export const discard = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) return resolve()
    socket.once('close', () => resolve())
    cut(socket)
  })

export const tunnelRoute = (options: TunnelRouteOptions): Route => {
  const { to, resolver, permits, connectTimeout, idleTimeout, halfOpenTimeout, tap } = options

  const carry = async (
    client: net.Socket,
    { connection, bytes, signal, borrow }: Carriage,
  ): Promise<Carried> => {
    let upstream: net.Socket
    try {
      upstream = await dial(resolver, to, { timeout: connectTimeout, signal, permits, borrow })
    } catch (error) {
      await discard(client)
      const failure = error instanceof Error ? error : new Error(String(error))
      return { reason: signal.aborted ? 'closed' : 'connect-failed', error: failure }
    }
    const { remoteAddress: address, localPort } = upstream
    const end = await tunnel(client, upstream, {
      bytes,
      ...(tap && { tap: (direction, data) => tap({ connection, direction, data }) }),
      halfOpenTimeout,
      idleTimeout,
      signal,
    })
    return {
      ...end,
      ...(address !== undefined && { address }),
      ...(localPort !== undefined && { localPort }),
    }
  }

  return { to: `${to.host}:${to.port}`, carry }
}
