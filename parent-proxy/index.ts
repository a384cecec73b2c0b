/** The parent's side: enclaves dial a vsock port, the proxy carries their bytes to one allowed endpoint. */
import type net from 'node:net'
import { UsageError } from '../shared/errors.js'
import { type ListenOptions, listen, type VsockAddress } from '../shared/vsock/index.js'
import { type AllowlistEntry, checkTarget, type Target } from './allowlist.js'
import { dial, dnsResolver, type Resolver } from './resolver.js'
import { cut, type Direction, type TunnelEnd, tunnel } from './tunnel.js'

export type { AllowlistEntry, Target } from './allowlist.js'
export { dnsResolver, type Endpoint, type Resolver } from './resolver.js'
export type { Direction } from './tunnel.js'

/** Of one connection, counted from 1 as they are accepted. */
export interface TapRecord {
  readonly connection: number
  readonly direction: Direction
  /** The very bytes that are forwarded: copy them to keep them, change nothing. */
  readonly data: Buffer
}

type Ending = Pick<ConnectionSummary, 'reason' | 'error'>

export interface ConnectionSummary {
  readonly connection: number
  readonly bytesUp: number
  readonly bytesDown: number
  /** Milliseconds from accept to the end of both sockets. */
  readonly duration: number
  /** refused: beyond maxConnections. connect-failed: the name, its addresses or the deadline. */
  readonly reason: TunnelEnd['reason'] | 'refused' | 'connect-failed'
  readonly error?: Error
}

export interface ProxyOptions {
  readonly listen: Pick<ListenOptions, 'transport' | 'backlog'> & VsockAddress
  readonly to: Target
  /** `to` must be in it. */
  readonly allowlist: readonly AllowlistEntry[]
  readonly resolver?: Resolver | undefined
  /** Open at once, default 4096; the next ones are closed as they arrive. */
  readonly maxConnections?: number | undefined
  /** Milliseconds for resolving and connecting together, default 10,000. */
  readonly connectTimeout?: number | undefined
  /** Milliseconds of silence after which a connection that one side has ended is cut, default 300,000. */
  readonly halfOpenTimeout?: number | undefined
  /** Sees the forwarded bytes; for the simulator's account. Throwing ends that connection. */
  readonly tap?: ((record: TapRecord) => void) | undefined
  /** Called when a connection is gone. */
  readonly onConnection?: ((summary: ConnectionSummary) => void) | undefined
}

export interface ParentProxy {
  readonly address: VsockAddress
  /** Open now, those still connecting included. */
  readonly connections: number
  /** From and to the enclave since the start. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Stops listening, destroys what is open; resolves when every socket is gone. */
  close(): Promise<void>
}

const checkInteger = (name: string, value: number): void => {
  if (Number.isSafeInteger(value) && value > 0 && value < 2 ** 31) return
  throw new UsageError(
    'ERR_PROXY_CONFIG',
    `${name} is an integer from 1 to ${2 ** 31 - 1}, not ${String(value)}`,
  )
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

/** Destroys a socket that never had a counterpart; resolves when it is gone. */
const discard = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) return resolve()
    socket.once('close', () => resolve())
    cut(socket)
  })

/**
 * Starts a proxy of one target.
 * @throws UsageError ERR_PROXY_CONFIG; what listen() throws
 */
export const startProxy = async (options: ProxyOptions): Promise<ParentProxy> => {
  const { to, resolver = dnsResolver, tap, onConnection } = options
  const { maxConnections = 4096, connectTimeout = 10_000, halfOpenTimeout = 300_000 } = options
  checkTarget(to, options.allowlist)
  checkInteger('maxConnections', maxConnections)
  checkInteger('connectTimeout', connectTimeout)
  checkInteger('halfOpenTimeout', halfOpenTimeout)

  const open = new Map<AbortController, Promise<void>>()
  const total = { up: 0, down: 0 }
  let accepted = 0

  const report = (summary: ConnectionSummary) => {
    try {
      onConnection?.(summary)
    } catch (error) {
      warn(error)
    }
  }

  const carry = async (client: net.Socket, signal: AbortSignal): Promise<void> => {
    const connection = ++accepted
    const began = performance.now()
    const own = { up: 0, down: 0 }
    const onData = (direction: Direction, data: Buffer) => {
      own[direction] += data.length
      total[direction] += data.length
      tap?.({ connection, direction, data })
    }
    const ended = await dial(resolver, to, { timeout: connectTimeout, signal }).then(
      (upstream) => tunnel(client, upstream, { onData, halfOpenTimeout, signal }),
      async (error: Error): Promise<Ending> => {
        await discard(client)
        return { reason: signal.aborted ? 'closed' : 'connect-failed', error }
      },
    )
    const duration = performance.now() - began
    report({ connection, bytesUp: own.up, bytesDown: own.down, duration, ...ended })
  }

  // Nothing is read before there is somewhere to send it: a waiting connection holds no bytes here.
  const server = await listen({ ...options.listen, allowHalfOpen: true, pauseOnConnect: true })
  server.maxConnections = maxConnections
  server.on('connection', (client: net.Socket) => {
    // Until the tunnel takes over, its 'close' says enough.
    client.on('error', () => {})
    const controller = new AbortController()
    // A turn later: a resolver that calls close() finds its own connection in the list.
    const done = Promise.resolve()
      .then(() => carry(client, controller.signal))
      .finally(() => open.delete(controller))
    open.set(controller, done)
  })
  server.on('drop', () => {
    report({ connection: ++accepted, bytesUp: 0, bytesDown: 0, duration: 0, reason: 'refused' })
  })
  // One failed accept is not the end of all other connections.
  server.on('error', warn)

  let closed: Promise<void> | undefined
  const close = async () => {
    const stopped = new Promise((resolve) => server.close(resolve))
    for (const controller of open.keys()) controller.abort()
    await Promise.all([stopped, ...open.values()])
  }
  return {
    address: { cid: options.listen.cid, port: options.listen.port },
    get connections() {
      return open.size
    },
    get bytesUp() {
      return total.up
    },
    get bytesDown() {
      return total.down
    },
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
