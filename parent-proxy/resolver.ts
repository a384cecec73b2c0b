/** From a host name to a connected socket: resolve, then try every endpoint in turn, within one deadline. */
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperationError, UsageError } from '../shared/errors.js'
import { limitConnect } from '../shared/vsock/transport.js'
import type { Target } from './allowlist.js'

/** `address` is an IP address; `path` is a Unix socket, which only an injected resolver names. */
export type Endpoint = { readonly address: string; readonly port: number } | { readonly path: string }

/** Endpoints of a target in order of preference. It may fail or never settle: one connection ends, no more. */
export type Resolver = (host: string, port: number) => Promise<readonly Endpoint[]>

export interface DialLimits {
  /** Milliseconds for resolution and every attempt together. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** Milliseconds of silence before the system asks whether the upstream server still lives. */
const KEEP_ALIVE_DELAY = 60_000
/** Milliseconds between attempts while a Unix listener's backlog is full. */
const RETRY_DELAY = 10

/** The system's resolver (getaddrinfo): hosts file, then DNS; both address families, in the system's order. */
export const dnsResolver: Resolver = async (host, port) => {
  const found = await lookup(host, { all: true })
  return found.map(({ address }) => ({ address, port }))
}

const start = (endpoint: Endpoint): net.Socket => {
  if ('path' in endpoint) return net.connect({ path: endpoint.path, allowHalfOpen: true })
  const { address, port } = endpoint
  // net.connect would resolve a name once more, past the resolver that was chosen.
  if (net.isIP(address) === 0)
    throw new UsageError('ERR_USAGE', `the resolver gave no IP address: ${address}`)
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY }
  return net.connect({ host: address, port, allowHalfOpen: true, ...options })
}

const open = (endpoint: Endpoint, name: string, limits: DialLimits): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = start(endpoint)
    limitConnect(socket, name, limits)
    socket.once('connect', () => resolve(socket))
    // Stays for good: between here and the tunnel nobody else listens.
    socket.on('error', reject)
  })

/** Where TCP waits for room in a full backlog, a Unix socket fails with EAGAIN: tried until the deadline. */
const persist = async (endpoint: Endpoint, name: string, limits: DialLimits): Promise<net.Socket> => {
  const deadline = performance.now() + limits.timeout
  for (;;) {
    const timeout = Math.max(1, deadline - performance.now())
    try {
      return await open(endpoint, name, { ...limits, timeout })
    } catch (error) {
      const full = (error as NodeJS.ErrnoException).code === 'EAGAIN'
      if (!full || performance.now() + RETRY_DELAY >= deadline) throw error
    }
    await sleep(RETRY_DELAY)
  }
}

/** `promise`, given up at the deadline or on abort; what it does later is ignored. */
const within = async <T>(promise: Promise<T>, name: string, { timeout, signal }: DialLimits): Promise<T> => {
  let stop: (error: unknown) => void = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = reject
  })
  const onAbort = () => stop(signal.reason)
  const onDeadline = () =>
    stop(new OperationError('ETIMEDOUT', `${name} was not resolved within ${timeout} ms`))
  const timer = setTimeout(onDeadline, timeout)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, stopped])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * A socket connected to the first endpoint of `target` that accepts. Each attempt may take an equal share of the
 * time that is left, so that a silent first address does not use up all of it.
 * @throws the last attempt's error; OperationError ETIMEDOUT; the signal's reason
 */
export const dial = async (resolver: Resolver, { host, port }: Target, limits: DialLimits) => {
  const { timeout, signal } = limits
  const name = `${host}:${port}`
  const deadline = performance.now() + timeout
  const endpoints = await within(resolver(host, port), name, limits)
  let failure: unknown = new Error(`the resolver knows no endpoint of ${name}`)
  for (const [index, endpoint] of endpoints.entries()) {
    const share = Math.max(1, (deadline - performance.now()) / (endpoints.length - index))
    try {
      return await persist(endpoint, name, { timeout: share, signal })
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
