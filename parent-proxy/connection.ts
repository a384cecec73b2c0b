/** What becomes of one accepted connection, and the words for it. */
import type net from 'node:net'
import type { Borrow } from './happy-eyeballs.js'
import type { TunnelEnd } from './tunnel.js'

/**
 * ended: both sides finished. client-error, upstream-error: whose socket broke. half-open-timeout: one side ended, the
 * other fell silent. idle-timeout: both fell silent. closed: by the proxy's own end. connect-failed: the name, its
 * addresses or the deadline. Never begun: cid-refused (not in `from`), queue-full, queue-timeout (no place in time).
 */
export type EndReason =
  | TunnelEnd['reason']
  | 'connect-failed'
  | 'cid-refused'
  | 'queue-full'
  | 'queue-timeout'

export interface ConnectionSummary {
  readonly listener: string
  /** Counted from 1 on each listener, as they are accepted. */
  readonly connection: number
  /** Of the enclave: the kernel vouches for it; on Unix and hybrid sockets it is the one that the listener states. */
  readonly cid?: number
  /** `host:port`; none on a credentials listener. */
  readonly to?: string
  /** The address, or the Unix socket, that answered. */
  readonly address?: string
  /** This side's TCP port of the connection to it, as flow logs show it. */
  readonly localPort?: number
  /** From the enclave, and to it. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Milliseconds from accept to the end of both sockets. */
  readonly duration: number
  readonly reason: EndReason
  readonly error?: Error
}

/** Counted as they are passed on; on a credentials listener when it is over. */
export interface Bytes {
  up: number
  down: number
}

export interface Carriage {
  readonly connection: number
  readonly bytes: Bytes
  /** Ends the connection. */
  readonly signal: AbortSignal
  /** File descriptors beyond the two that it has; see Admission. */
  readonly borrow: Borrow
}

export interface Carried {
  readonly reason: EndReason
  readonly error?: Error
  readonly address?: string
  readonly localPort?: number
}

/** Where a listener's connections go. */
export interface Route {
  readonly to?: string
  /** Takes an accepted socket, paused; resolves when it is gone, never rejects. */
  carry(client: net.Socket, carriage: Carriage): Promise<Carried>
}
