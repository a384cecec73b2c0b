/** The addresses in a configuration: where to listen, where to connect, whom to ask for names, where to be watched. */
import net from 'node:net'
import path from 'node:path'
import {
  formatAddress,
  type ParsedAddress,
  parseAddress,
  VMADDR_CID_ANY,
  type VsockAddress,
} from '../../shared/vsock/address.js'
import {
  hybridTransport,
  kernelTransport,
  unixTransport,
  type VsockTransport,
} from '../../shared/vsock/index.js'
import { checkSocketPath } from '../../shared/vsock/unix-listener.js'
import type { Target } from '../allowlist.js'
import { parseHostName } from '../names/host-name.js'
import { parseIp } from '../names/ip-address.js'

export interface ListenAddress {
  /** As the file has it. */
  readonly text: string
  readonly parsed: ParsedAddress
}

/** Throws OperationError ERR_VSOCK_ADDRESS; undefined for what is no text. */
export const readListen = (value: unknown): ListenAddress | undefined =>
  typeof value === 'string' ? { text: value, parsed: parseAddress(value) } : undefined

export interface ListenPlace {
  /** What logs, metrics and a reload call it. */
  readonly name: string
  readonly kind: 'vsock' | 'unix' | 'hybrid'
  readonly address: VsockAddress & { readonly transport: VsockTransport }
  /** The same for two texts that mean one socket. */
  readonly identity: string
}

/**
 * Where a listener listens. `unix:DIR:PORT` has a CID to choose: `cid`, whose socket it then is, or 3.
 * Throws OperationError ERR_VSOCK_ADDRESS.
 */
export const listenPlace = ({ text, parsed }: ListenAddress, cid: number | undefined): ListenPlace => {
  const { port } = parsed
  if (parsed.kind === 'kernel') {
    const address = { cid: parsed.cid, port, transport: kernelTransport }
    return { name: text, kind: 'vsock', address, identity: formatAddress(parsed) }
  }
  if (parsed.kind === 'hybrid') {
    const transport = hybridTransport(parsed.path)
    const identity = checkSocketPath(`${path.resolve(parsed.path)}_${port}`)
    return { name: text, kind: 'hybrid', address: { cid: parsed.cid, port, transport }, identity }
  }
  const { directory } = parsed
  const spelled = text.lastIndexOf('.') > text.lastIndexOf(':')
  const chosen = spelled || cid === undefined ? parsed.cid : cid
  return {
    name: chosen === parsed.cid ? text : `unix:${directory}:${chosen}.${port}`,
    kind: 'unix',
    address: { cid: chosen, port, transport: unixTransport(directory) },
    identity: checkSocketPath(path.resolve(directory, `${chosen}.${port}`)),
  }
}

/** AF_VSOCK gives an address to one socket, and ANY stands for all CIDs. */
export const sameSocket = (one: ListenPlace, other: ListenPlace): boolean => {
  if (one.identity === other.identity) return true
  if (one.kind !== 'vsock' || other.kind !== 'vsock' || one.address.port !== other.address.port) return false
  return one.address.cid === VMADDR_CID_ANY || other.address.cid === VMADDR_CID_ANY
}

const MAX_PORT = 0xffff

/** `HOST:PORT` or `[IPV6]:PORT`; the host is as it stands there. */
const hostAndPort = (value: unknown, minPort = 1): Target | undefined => {
  if (typeof value !== 'string') return undefined
  const [, ipv6, other, digits] = /^(?:\[([^[\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(value) ?? []
  const port = Number(digits)
  if (!(port >= minPort && port <= MAX_PORT)) return undefined
  if (ipv6 !== undefined) return net.isIPv6(ipv6) ? { host: ipv6, port } : undefined
  return other === undefined ? undefined : { host: other, port }
}

/** `name:443`, `192.0.2.1:443` or `[2001:db8::1]:443`. */
export const readTarget = (value: unknown): Target | undefined => {
  const target = hostAndPort(value)
  if (target === undefined) return undefined
  const known = parseIp(target.host) !== undefined || parseHostName(target.host) !== undefined
  return known ? target : undefined
}

const loopback = new net.BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** `127.0.0.1:9465` or `[::1]:9465`; no name, whose address could be another one tomorrow. Port 0: one that is free. */
export const readLoopback = (value: unknown): Target | undefined => {
  const target = hostAndPort(value, 0)
  if (target === undefined || net.isIP(target.host) === 0) return undefined
  return loopback.check(target.host, net.isIPv6(target.host) ? 'ipv6' : 'ipv4') ? target : undefined
}

/** `IP` or `IP:PORT`, IPv6 in brackets where a port follows. */
export const readNameServer = (value: unknown): string | undefined => {
  if (typeof value !== 'string') return undefined
  if (net.isIP(value) !== 0) return value
  const target = hostAndPort(value)
  return target !== undefined && net.isIP(target.host) !== 0 ? value : undefined
}
