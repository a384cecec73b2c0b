/** What carries vsock connections, and the time limit on making one. */
import type net from 'node:net'
import { OperationError, UsageError } from '../errors.js'
import type { VsockAddress } from './address.js'

export interface TransportConnectOptions {
  readonly allowHalfOpen: boolean
  /** Milliseconds after which the attempt is ended from outside; Infinity if it is not. */
  readonly timeout: number
}

/** The one seam between this SDK and its sockets: the kernel's, or Unix sockets elsewhere. */
export interface VsockTransport {
  /** Begins to connect; failures arrive as the socket's 'error' event. Throws only for an unusable address. */
  connect(address: VsockAddress, options: TransportConnectOptions): net.Socket
  /** Resolves once `server` accepts connections; `backlog` is the queue of connections not yet accepted. */
  listen(server: net.Server, address: VsockAddress, backlog: number): Promise<void>
}

export interface ConnectLimits {
  /** Milliseconds until the attempt fails with ETIMEDOUT; Infinity for no limit. */
  readonly timeout: number
  /** Ends the attempt with an AbortError; an established connection is left alone. */
  readonly signal?: AbortSignal | undefined
}

/** setTimeout's own limit; anything above it would fire after 1 ms. */
const MAX_TIMER = 2 ** 31 - 1

/** @throws UsageError ERR_USAGE unless `value` is more than 0 and at most 2^31 - 1 ms, or Infinity. */
export const checkTimeout = (name: string, value: number): number => {
  if (value === Infinity || (value > 0 && value <= MAX_TIMER)) return value
  throw new UsageError(
    'ERR_USAGE',
    `${name} is a number of milliseconds above 0, or Infinity: ${String(value)}`,
  )
}

const abortError = (cause: unknown): Error =>
  Object.assign(new Error('the connection attempt was aborted', { cause }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })

/** Destroys a connecting `socket` at its deadline or on abort; leaves no timer or listener behind. */
export const limitConnect = (socket: net.Socket, name: string, { timeout, signal }: ConnectLimits): void => {
  const onAbort = () => socket.destroy(abortError(signal?.reason))
  if (signal?.aborted) {
    onAbort()
    return
  }
  const onDeadline = () =>
    socket.destroy(
      new OperationError('ETIMEDOUT', `no connection to ${name} within ${Math.ceil(timeout)} ms`),
    )
  const timer = timeout === Infinity ? undefined : setTimeout(onDeadline, timeout)
  const release = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off('connect', release)
    socket.off('close', release)
  }
  signal?.addEventListener('abort', onAbort)
  socket.on('connect', release)
  socket.on('close', release)
}
