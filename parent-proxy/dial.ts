/** From a target to a connected socket: resolve, leave out what must not be dialled, connect, within one deadline. */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperationError, UsageError } from '../shared/errors.js'
import { limitConnect } from '../shared/vsock/transport.js'
import type { Target } from './allowlist.js'
import { type Borrow, firstConnected } from './happy-eyeballs.js'
import { hostPort } from './names/ip-address.js'
import type { Endpoint, Resolver } from './resolver.js'

export interface DialLimits {
  /** Milliseconds for resolution and every attempt together. */
  readonly timeout: number
  readonly signal: AbortSignal
  /** Whether an address may be dialled (Allowlist.permits); asked of each, wherever it comes from. Default: all. */
  readonly permits?: (address: string, port: number) => boolean
  /** Room for attempts at several addresses at once; default: as many as there are. */
  readonly borrow?: Borrow
}

/** Milliseconds of silence before the system asks whether the upstream server still lives. */
const KEEP_ALIVE_DELAY = 60_000
/** Milliseconds between attempts while a Unix listener's backlog is full. */
const RETRY_DELAY = 10

/** The one place where upstream sockets are made. */
const openSocket = (endpoint: Endpoint): net.Socket => {
  if ('path' in endpoint) return net.connect({ path: endpoint.path, allowHalfOpen: true })
  const { address, port } = endpoint
  // net.connect would resolve a name once more, past the resolver that was chosen.
  if (net.isIP(address) === 0)
    throw new UsageError('ERR_USAGE', `the resolver gave no IP address: ${address}`)
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY }
  return net.connect({ host: address, port, allowHalfOpen: true, ...options })
}

const connected = (endpoint: Endpoint, name: string, signal: AbortSignal): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = openSocket(endpoint)
    limitConnect(socket, name, { timeout: Number.POSITIVE_INFINITY, signal })
    socket.once('connect', () => resolve(socket))
    // Stays for good: between here and the tunnel nobody else listens.
    socket.on('error', reject)
  })

const isFull = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EAGAIN'

/** `task`, given up when its time is over or on abort; the socket that it makes then is destroyed. */
const within = async (
  { timeout, signal }: DialLimits,
  task: (signal: AbortSignal) => Promise<net.Socket>,
  late: () => OperationError,
): Promise<net.Socket> => {
  const controller = new AbortController()
  const stopped = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
  })
  const onAbort = () => controller.abort(signal.reason)
  const timer = setTimeout(() => controller.abort(late()), timeout)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const running = task(controller.signal)
  try {
    return await Promise.race([stopped, running])
  } catch (error) {
    running.then(
      (socket) => socket.destroy(),
      () => {},
    )
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * A socket connected to the first endpoint of `target` that accepts.
 * @throws an attempt's error when all have failed; OperationError ETIMEDOUT; OperationError ERR_PROXY_ADDRESS when
 * `permits` leaves none; what the resolver throws; the signal's reason
 */
export const dial = (resolver: Resolver, target: Target, limits: DialLimits): Promise<net.Socket> => {
  const { timeout, permits = () => true, borrow } = limits
  const name = hostPort(target.host, target.port)
  let resolved = false
  let lastFailure = ''

  const late = () => {
    const what = resolved ? `no connection to ${name}` : `${name} was not resolved`
    return new OperationError('ETIMEDOUT', `${what} within ${timeout} ms${lastFailure}`)
  }

  /** Where TCP waits for room in a full backlog, a Unix socket fails with EAGAIN: tried until the deadline. */
  const attempt = async (endpoint: Endpoint, signal: AbortSignal): Promise<net.Socket> => {
    for (;;) {
      try {
        return await connected(endpoint, name, signal)
      } catch (error) {
        if (!signal.aborted) lastFailure = `; the last failure: ${(error as Error).message}`
        if (!isFull(error)) throw error
      }
      await sleep(RETRY_DELAY, undefined, { signal })
    }
  }

  const mayDial = (endpoint: Endpoint): boolean =>
    'path' in endpoint || net.isIP(endpoint.address) === 0 || permits(endpoint.address, endpoint.port)

  const connect = async (signal: AbortSignal): Promise<net.Socket> => {
    const endpoints = await resolver(target.host, target.port)
    resolved = true
    const [first] = endpoints
    if (first === undefined) {
      throw new OperationError('ERR_PROXY_DNS', `the resolver knows no endpoint of ${name}`)
    }
    const allowed = endpoints.filter(mayDial)
    if (allowed.length > 0) return firstConnected(allowed, attempt, signal, borrow)
    const { address, port } = 'path' in first ? { address: first.path, port: target.port } : first
    throw new OperationError(
      'ERR_PROXY_ADDRESS',
      `${name} leads to ${hostPort(address, port)}, a loopback, link-local or metadata address: ` +
        'such a one is dialled only if the allowlist names that very address and port',
    )
  }

  return within(limits, connect, late)
}
