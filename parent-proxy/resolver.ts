/** From a host name to endpoints: hosts file, then DNS, from a cache that outlives the DNS servers' failures. */
import { isIPv4, isIPv6 } from 'node:net'
import { OperationError, UsageError } from '../shared/errors.js'
import { type AddressPreference, familiesOf, inOrder } from './names/address-order.js'
import { dnsQuestion } from './names/dns-question.js'
import { parseHostName } from './names/host-name.js'
import { hostsFile } from './names/hosts-file.js'
import { parseIp } from './names/ip-address.js'
import { type ResolvedName, resolvedName } from './names/resolved-name.js'

export type { AddressPreference } from './names/address-order.js'

/** `address` is an IP address; `path` is a Unix socket, which only an injected resolver names. */
export type Endpoint = { readonly address: string; readonly port: number } | { readonly path: string }

/** Endpoints of a target in order of preference. It may fail or never settle: one connection ends, no more. */
export type Resolver = (host: string, port: number) => Promise<readonly Endpoint[]>

export interface DnsOptions {
  /** `ip`, `ip:port` or `[ipv6]:port`; default: the system's (resolv.conf), those of the moment. */
  readonly servers?: readonly string[]
  /** Milliseconds that an answer is kept; default: the records' own TTL. 0: DNS is asked for each connection. */
  readonly ttl?: number
  /** Default: both families, by turns. */
  readonly prefer?: AddressPreference
  /** DNS was asked in vain; stale: the last good answer serves. */
  readonly onFailure?: (failure: { host: string; error: Error; stale: boolean }) => void
  /** Default: /etc/hosts. */
  readonly hostsFile?: string
  /** Milliseconds, of a clock that is never set back. */
  readonly now?: () => number
}

/** Names that are remembered; beyond, the one that was not asked for the longest is forgotten. */
const MAX_NAMES = 1_024

/**
 * A resolver with a cache of its own. Answers are kept for their TTL; where DNS fails, the last good one serves for
 * up to three days more (RFC 8767 section 5), and a caller waits at most 1.8 s for a better one. Search domains are
 * not applied. It rejects with OperationError ERR_PROXY_DNS.
 * @throws UsageError ERR_PROXY_CONFIG (servers, ttl)
 */
export const dnsResolver = (options: DnsOptions = {}): Resolver => {
  const { ttl, prefer, now = () => performance.now() } = options
  if (ttl !== undefined && !(ttl >= 0 && Number.isFinite(ttl))) {
    throw new UsageError('ERR_PROXY_CONFIG', `dns.ttl is a number of milliseconds, not ${String(ttl)}`)
  }
  const question = dnsQuestion(options.servers)
  const hosts = hostsFile(options.hostsFile ?? '/etc/hosts')
  const names = new Map<string, ResolvedName>()

  const onFailure: DnsOptions['onFailure'] = (failure) => {
    try {
      options.onFailure?.(failure)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }

  const remembered = (name: string): ResolvedName => {
    const families = familiesOf(prefer)
    const known = names.get(name) ?? resolvedName(name, { families, question, ttl, now, onFailure })
    names.delete(name)
    names.set(name, known)
    for (const [oldest] of names) {
      if (names.size <= MAX_NAMES) break
      names.delete(oldest)
    }
    return known
  }

  const addressesOf = async (host: string): Promise<readonly string[]> => {
    if (parseIp(host) !== undefined) return [host]
    const name = parseHostName(host)
    if (name === undefined) {
      throw new OperationError('ERR_PROXY_DNS', `${host} was not resolved: it is no host name`)
    }
    const listed = hosts(name)
    const local = inOrder({ 4: listed.filter(isIPv4), 6: listed.filter(isIPv6) }, prefer)
    return local.length > 0 ? local : inOrder(await remembered(name)(), prefer)
  }

  return async (host, port) => (await addressesOf(host)).map((address) => ({ address, port }))
}
