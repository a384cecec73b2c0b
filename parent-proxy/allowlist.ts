/** Which endpoints the listeners may lead to: decided once, before they listen, and for each address once more. */
import net from 'node:net'
import { UsageError } from '../shared/errors.js'
import { parseHostName } from './names/host-name.js'
import { bitsOf, hostPort, type IpAddress, parseIp } from './names/ip-address.js'
import { isPrivate } from './names/private-addresses.js'

export interface Target {
  /** A host name or an IP address. */
  readonly host: string
  readonly port: number
}

export interface AllowlistEntry {
  /**
   * A host name; `*.example.com` for every name below it, however deep, but not itself; an IP address; or a range of
   * them, `10.0.0.0/8`. An address or a range allows targets written as addresses, whatever a name resolves to.
   */
  readonly address: string
  readonly port: number
}

export interface Allowlist {
  /**
   * @throws UsageError ERR_PROXY_CONFIG unless `target` is listed. One that is written as a loopback, link-local or
   * metadata address has to be listed as that very address.
   */
  check(target: Target): void
  /**
   * Whether an address may be dialled, wherever it comes from. Loopback, link-local and metadata addresses may not,
   * except where they are listed themselves, with that port: no name, wildcard or range stands for them.
   */
  permits(address: string, port: number): boolean
}

interface Host {
  readonly ip: IpAddress | undefined
  readonly name: string | undefined
}

interface Rule {
  readonly port: number
  readonly matches: (host: Host) => boolean
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 0xffff

const refuse = (message: string): never => {
  throw new UsageError('ERR_PROXY_CONFIG', message)
}

const key = (ip: IpAddress, port: number): string => `${ip.text} ${port}`

/** Throws an Error that says why `text` is no range. */
const range = (text: string): Rule['matches'] => {
  const [network = '', length = ''] = text.split('/', 2)
  const ip = parseIp(network)
  if (ip === undefined || ip.text !== ip.address) throw new Error('it has no IP address before the slash')
  if (ip.family === 'ipv4' && network.includes(':')) throw new Error('a range of IPv4 is written as such')
  const bits = bitsOf(ip)
  const prefix = Number(length)
  if (text !== `${network}/${length}` || !/^(?:0|[1-9]\d{0,2})$/.test(length) || prefix > bits.length) {
    throw new Error(`the length of its prefix is a number from 0 to ${bits.length}`)
  }
  // Whether one address or the whole network is meant, is not for us to say.
  if (bits.includes('1', prefix)) throw new Error('its address has bits beyond the prefix')
  const block = new net.BlockList()
  block.addSubnet(ip.address, prefix, ip.family)
  // BlockList takes IPv4 addresses for mapped ones: ::/0 would hold them all.
  return (host) => host.ip?.family === ip.family && block.check(host.ip.address, ip.family)
}

/** Throws an Error that says why `text` stands for no host. */
const matcher = (text: string): Rule['matches'] => {
  if (text.includes('/')) return range(text)
  const ip = parseIp(text)
  if (ip !== undefined) return (host) => host.ip?.text === ip.text
  const wildcard = text.startsWith('*.')
  const name = parseHostName(wildcard ? text.slice(2) : text)
  if (name === undefined) {
    throw new Error('it is no host name, no *.name, no IP address (without brackets) and no CIDR range')
  }
  return wildcard ? (host) => host.name?.endsWith(`.${name}`) === true : (host) => host.name === name
}

const rule = ({ address, port }: AllowlistEntry): Rule => {
  const entry = `the allowlist's entry ${JSON.stringify(address)}, port ${String(port)}`
  if (!isPort(port)) refuse(`${entry}: a port is an integer from 1 to 65535`)
  try {
    return { port, matches: matcher(address) }
  } catch (error) {
    return refuse(`${entry}: ${(error as Error).message}`)
  }
}

/** An empty list allows nothing. @throws UsageError ERR_PROXY_CONFIG for an entry that is not as it must be */
export const createAllowlist = (entries: readonly AllowlistEntry[]): Allowlist => {
  const rules = entries.map(rule)
  const exact = new Set(
    entries.flatMap(({ address, port }) => {
      const ip = parseIp(address)
      return ip === undefined ? [] : [key(ip, port)]
    }),
  )
  const mayDial = (ip: IpAddress, port: number) => !isPrivate(ip) || exact.has(key(ip, port))

  return {
    check: ({ host, port }) => {
      if (host === '') refuse('to.host is empty')
      if (!isPort(port)) refuse(`to.port is an integer from 1 to 65535, not ${String(port)}`)
      const ip = parseIp(host)
      const name = ip === undefined ? parseHostName(host) : undefined
      const refused = `The given address and port are not allowed: ${hostPort(host, port)}`
      if (!rules.some((one) => one.port === port && one.matches({ ip, name }))) {
        refuse(`${refused} is not in the allowlist`)
      }
      if (ip !== undefined && !mayDial(ip, port)) {
        refuse(`${refused} is loopback, link-local or metadata: the allowlist must name that very address`)
      }
    },
    permits: (address, port) => {
      const ip = parseIp(address)
      return ip !== undefined && mayDial(ip, port)
    },
  }
}
