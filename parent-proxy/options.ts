/** What a proxy is told to do: the same for a configuration file and for a program's own call. */
import { UsageError } from '../shared/errors.js'
import { formatAddress } from '../shared/vsock/address.js'
import type { ListenOptions, VsockAddress } from '../shared/vsock/index.js'
import type { AllowlistEntry, Target } from './allowlist.js'
import type { CredentialsConfig } from './credentials/config.js'
import type { AddressPreference } from './resolver.js'
import type { TapRecord } from './tunnel-route.js'

/** Of listeners; times in milliseconds. */
export const DEFAULTS = {
  maxConnections: 4096,
  queue: 1024,
  connectTimeout: 10_000,
  idleTimeout: 0,
  halfOpenTimeout: 300_000,
} as const

export interface CommonListenerOptions {
  /** In logs and metrics, and what a reload knows it by; by default its address. */
  readonly name?: string | undefined
  readonly listen: Pick<ListenOptions, 'transport' | 'backlog'> & VsockAddress
  /** Whose connections these are, on sockets that cannot tell. */
  readonly cid?: number | undefined
  /** The CIDs that may connect; all of them without. */
  readonly from?: readonly number[] | undefined
  /** Open at once, default 4096. */
  readonly maxConnections?: number | undefined
  readonly maxConnectionsPerCid?: number | undefined
  /** Connections that may wait for a place, default 1024; the next ones are reset. 0: none. */
  readonly queue?: number | undefined
}

/** To an upstream server. */
export interface TunnelListenerOptions extends CommonListenerOptions {
  /** It must be in the allowlist. */
  readonly to: Target
  /** Milliseconds for resolving and connecting together, and as many for waiting in the queue; default 10,000. */
  readonly connectTimeout?: number | undefined
  /** Milliseconds without a byte either way after which a connection is cut; default 0: never. */
  readonly idleTimeout?: number | undefined
  /** Milliseconds of silence after which a connection that one side has ended is cut, default 300,000. */
  readonly halfOpenTimeout?: number | undefined
  /** ttl: milliseconds that an answer is kept, in place of its own. */
  readonly dns?: { readonly ttl?: number; readonly prefer?: AddressPreference } | undefined
  /** Sees the forwarded bytes; for the simulator's account. Throwing ends that connection. */
  readonly tap?: ((record: TapRecord) => void) | undefined
}

/** To the credentials of the parent's role. */
export interface CredentialsListenerOptions extends CommonListenerOptions {
  readonly credentials: CredentialsConfig
}

export type ListenerOptions = TunnelListenerOptions | CredentialsListenerOptions

export interface ProxyOptions {
  readonly allowlist: readonly AllowlistEntry[]
  readonly listeners: readonly ListenerOptions[]
  /** Open at once, all listeners together; by default what the descriptors allow. */
  readonly maxConnections?: number | undefined
  /** Of one CID, all listeners together. */
  readonly maxConnectionsPerCid?: number | undefined
  /** servers: `ip` or `ip:port`, by default those of the system. */
  readonly dns?: { readonly servers?: readonly string[] } | undefined
}

/** Milliseconds or a number of connections. */
const MAX = 2 ** 31 - 1

const checkInteger = (name: string, value: number | undefined, min: number): void => {
  if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= MAX)) return
  throw new UsageError(
    'ERR_PROXY_CONFIG',
    `${name} is an integer from ${min} to ${MAX}, not ${String(value)}`,
  )
}

export const listenerName = ({ name, listen }: ListenerOptions): string => name ?? formatAddress(listen)

/** What a configuration file is checked for as it is read. Throws UsageError ERR_PROXY_CONFIG. */
export const checkOptions = (options: ProxyOptions): void => {
  checkInteger('maxConnections', options.maxConnections, 1)
  checkInteger('maxConnectionsPerCid', options.maxConnectionsPerCid, 1)
  const names = new Set<string>()
  for (const listener of options.listeners) {
    const name = listenerName(listener)
    if (names.has(name)) throw new UsageError('ERR_PROXY_CONFIG', `two listeners have the name ${name}`)
    names.add(name)
    checkInteger('maxConnections', listener.maxConnections, 1)
    checkInteger('maxConnectionsPerCid', listener.maxConnectionsPerCid, 1)
    checkInteger('queue', listener.queue, 0)
    if (!('to' in listener)) continue
    checkInteger('connectTimeout', listener.connectTimeout, 1)
    checkInteger('idleTimeout', listener.idleTimeout, 0)
    checkInteger('halfOpenTimeout', listener.halfOpenTimeout, 1)
    checkInteger('dns.ttl', listener.dns?.ttl, 0)
  }
}
