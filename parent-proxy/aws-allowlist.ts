/**
 * The allowlist of AWS's vsock-proxy as that program reads it (aws-nitro-enclaves-cli, vsock_proxy/src/proxy.rs,
 * check_allowlist, 1.0.2): the first document's `allowlist`, whatever else is there; a target is in it by its very
 * text, or else by an address that it has in common with an entry of its port. Its words stay: scripts look for them.
 */
import { domainToASCII } from 'node:url'
import { UsageError } from '../shared/errors.js'
import type { AllowlistEntry, Target } from './allowlist.js'
import { readBounded } from './config/bounded-file.js'
import { readDocument } from './config/document.js'
import { isMapping } from './config/issues.js'
import { parseHostName } from './names/host-name.js'
import { hostPort, parseIp } from './names/ip-address.js'
import type { Resolver } from './resolver.js'

/** Bytes. */
const MAX_SIZE = 1024 * 1024
/** Names that are resolved at a time. */
const AT_ONCE = 16

/** AWS's words, and ours as the cause. */
const refusal = (words: string, why?: string): UsageError =>
  new UsageError('ERR_PROXY_CONFIG', words, why === undefined ? {} : { cause: new Error(why) })

const parse = (text: string): readonly unknown[] => {
  const reading = readDocument(text)
  if (!('document' in reading)) {
    const [first] = reading.problems
    const why =
      first === undefined ? undefined : `line ${first.line}, column ${first.column}: ${first.message}`
    throw refusal('Bad yaml format', why)
  }
  const { value } = reading.document
  if (!isMapping(value) || !Array.isArray(value.allowlist)) throw refusal('No allowlist field')
  return value.allowlist
}

const entryOf = (service: unknown, index: number): AllowlistEntry => {
  const { address, port }: { address?: unknown; port?: unknown } = isMapping(service) ? service : {}
  const why = `allowlist[${index}] is to be {address: TEXT, port: NUMBER}`
  if (typeof address !== 'string') throw refusal('No address field', why)
  if (typeof port !== 'number' || !Number.isInteger(port)) {
    throw refusal('No port field or invalid type', why)
  }
  return { address, port }
}

/** Those of the target's port. One that is wrong matters unless the target stands before it. */
const entriesFor = ({ host, port }: Target, services: readonly unknown[]) => {
  const entries: AllowlistEntry[] = []
  let exact = false
  for (const [index, service] of services.entries()) {
    try {
      const entry = entryOf(service, index)
      if (entry.port === port) entries.push(entry)
      exact ||= entry.port === port && entry.address === host
    } catch (error) {
      if (!exact) throw error
    }
  }
  return { entries, exact }
}

/** A name in another script as DNS knows it (RFC 5890, A-label); empty if there is none. */
export const asciiHost = (host: string): string => (/^\p{ASCII}*$/u.test(host) ? host : domainToASCII(host))

const addressesOf = async (resolver: Resolver, { host, port }: Target): Promise<readonly string[]> =>
  (await resolver(asciiHost(host), port)).flatMap((endpoint) => {
    const ip = 'address' in endpoint ? parseIp(endpoint.address) : undefined
    return ip === undefined ? [] : [ip.text]
  })

const sharesAddress = async (
  resolver: Resolver,
  target: Target,
  entries: readonly AllowlistEntry[],
): Promise<boolean> => {
  const own = await addressesOf(resolver, target).catch((error: Error) => {
    throw refusal('DNS lookup failed!', error.message)
  })
  for (let start = 0; start < entries.length; start += AT_ONCE) {
    const some = entries.slice(start, start + AT_ONCE).map(async ({ address, port }) => {
      // A name that is gone is no reason to refuse what another one allows.
      const listed = await addressesOf(resolver, { host: address, port }).catch(() => [])
      return listed.some((one) => own.includes(one))
    })
    if ((await Promise.all(some)).includes(true)) return true
  }
  return false
}

const isLocalhost = (name: string): boolean => /^(?:.*\.)?localhost$/.test(parseHostName(name) ?? '')

/**
 * What a proxy to `target` is told to allow: the target, and the addresses that the file itself names for this port.
 * For localhost (RFC 6761 section 6.3) these are the loopback ones; no other name stands for loopback, link-local or
 * metadata addresses: here this proxy is stricter.
 * Throws UsageError ERR_PROXY_CONFIG with AWS's words, ours as its cause; `file` is for these.
 */
export const matchAwsAllowlist = async (
  text: string,
  file: string,
  target: Target,
  resolver: Resolver,
): Promise<readonly AllowlistEntry[]> => {
  const { host, port } = target
  const { entries, exact } = entriesFor(target, parse(text))
  if (!exact && !(await sharesAddress(resolver, target, entries))) {
    const entry = `{address: ${host.includes(':') ? JSON.stringify(host) : host}, port: ${port}}`
    const why = `${hostPort(host, port)} is not in ${file}: add - ${entry}`
    throw refusal('The given address and port are not allowed', why)
  }
  const addresses = entries.flatMap(({ address }) => {
    if (isLocalhost(address)) return ['127.0.0.1', '::1']
    return parseIp(address) === undefined ? [] : [address]
  })
  return [{ address: asciiHost(host), port }, ...addresses.map((address) => ({ address, port }))]
}

/** The file's text. Throws UsageError ERR_PROXY_CONFIG with AWS's words. */
export const readAwsAllowlist = async (file: string): Promise<string> => {
  const bytes = await readBounded(file, MAX_SIZE).catch((error: NodeJS.ErrnoException) => {
    const words = error.code === 'EISDIR' ? 'Could not read the file' : 'Could not open the file'
    throw refusal(words, error.message)
  })
  if (bytes.length > MAX_SIZE) {
    throw refusal('Could not read the file', `${file} has more than ${MAX_SIZE} bytes`)
  }
  return bytes.toString()
}
