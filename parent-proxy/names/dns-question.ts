/** One question to the DNS servers, by c-ares: it tells the TTL and, unlike getaddrinfo, keeps no thread waiting. */
import { promises as dns } from 'node:dns'
import { UsageError } from '../../shared/errors.js'

export type Family = 4 | 6

export interface Records {
  readonly addresses: readonly string[]
  /** Milliseconds; the shortest of the records' own and their aliases'. */
  readonly ttl: number
}

/** Rejects with an error whose `code` is that of node:dns, such as ENOTFOUND, ENODATA, ESERVFAIL, ETIMEOUT. */
export type Question = (name: string, family: Family) => Promise<Records>

/** Each server is asked three times: for 1 s, for 2 s, and until the deadline. */
const LIMITS = { timeout: 1_000, tries: 3 }
/** Milliseconds for all servers together. */
const DEADLINE = 5_000
/** Answers about the name: there are no addresses. */
const ANSWERS = new Set(['ENOTFOUND', 'ENODATA'])
/** Answers that tell of the server alone: another one may know better. */
const REFUSALS = new Set(['ESERVFAIL', 'EREFUSED', 'ENOTIMP', 'EFORMERR', 'EBADRESP'])

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''

/** Without servers: those that the system names at the moment. */
const resolverOf = (servers: readonly string[] | undefined): dns.Resolver => {
  const resolver = new dns.Resolver(LIMITS)
  if (servers) resolver.setServers(servers)
  return resolver
}

const query = async (
  resolver: dns.Resolver,
  name: string,
  family: Family,
  deadline: number,
): Promise<Records> => {
  const timer = setTimeout(() => resolver.cancel(), Math.max(1, deadline - performance.now())).unref()
  const ttl = { ttl: true } as const
  try {
    const records = family === 4 ? await resolver.resolve4(name, ttl) : await resolver.resolve6(name, ttl)
    return {
      addresses: records.map(({ address }) => address),
      ttl: Math.min(...records.map((record) => record.ttl)) * 1_000,
    }
  } catch (error) {
    if (codeOf(error) !== 'ECANCELLED') throw error
    throw Object.assign(new Error(`no answer for ${name} within ${DEADLINE} ms`), { code: 'ETIMEOUT' })
  } finally {
    clearTimeout(timer)
  }
}

const checkServers = (servers: readonly string[]): void => {
  if (servers.length === 0) throw new UsageError('ERR_PROXY_CONFIG', 'dns.servers is empty')
  try {
    resolverOf(servers)
  } catch {
    const all = servers.join(', ')
    throw new UsageError('ERR_PROXY_CONFIG', `dns.servers are IP addresses, with a port or without: ${all}`)
  }
}

/** c-ares leaves a silent server for the next one, but takes a refusal for the last word: here all are asked. */
const queryEach = async (servers: readonly string[], name: string, family: Family, deadline: number) => {
  const reply = async (server: string): Promise<Records | Error> => {
    try {
      return await query(resolverOf([server]), name, family, deadline)
    } catch (error) {
      if (error instanceof Error && ANSWERS.has(codeOf(error))) return error
      throw error
    }
  }
  const first = await Promise.any(servers.map(reply))
  if (first instanceof Error) throw first
  return first
}

/** `servers`: `ip`, `ip:port`, `[ipv6]:port`; default: the system's. @throws UsageError ERR_PROXY_CONFIG */
export const dnsQuestion = (servers?: readonly string[]): Question => {
  if (servers) checkServers(servers)
  return async (name, family) => {
    const deadline = performance.now() + DEADLINE
    const resolver = resolverOf(servers)
    try {
      return await query(resolver, name, family, deadline)
    } catch (error) {
      const all = resolver.getServers()
      if (!REFUSALS.has(codeOf(error)) || all.length < 2) throw error
      return await queryEach(all, name, family, deadline).catch((failure) => {
        throw failure instanceof AggregateError ? error : failure
      })
    }
  }
}
