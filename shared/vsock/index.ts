/** vsock sockets as Node's own: what http, tls and their like run over unchanged. */
import net from 'node:net'
import {
  addressError,
  checkAddress,
  formatAddress,
  type ParsedAddress,
  parseAddress,
  VMADDR_CID_ANY,
  type VsockAddress,
} from './address.js'
import { hybridTransport } from './hybrid.js'
import { kernelTransport } from './kernel.js'
import { checkTimeout, limitConnect, type VsockTransport } from './transport.js'
import { unixTransport } from './unix.js'

export {
  PARENT_CID,
  VMADDR_CID_ANY,
  VMADDR_CID_HOST,
  VMADDR_CID_HYPERVISOR,
  VMADDR_CID_LOCAL,
  type VsockAddress,
} from './address.js'
export { hybridTransport } from './hybrid.js'
export { type KernelTransportOptions, kernelTransport, kernelTransportWith, localCid } from './kernel.js'
export { peerAddress } from './peer.js'
export type { VsockTransport } from './transport.js'
export { unixTransport } from './unix.js'

export interface ConnectOptions extends VsockAddress {
  /** Default: the kernel's. */
  readonly transport?: VsockTransport | undefined
  /** Milliseconds for the connection to be made, default 10,000; Infinity must be written out. */
  readonly timeout?: number | undefined
  /** Ends the attempt; an established connection is left alone. */
  readonly signal?: AbortSignal | undefined
  /** Keep the sending side open when the peer has ended its own; default false, as in node:net. */
  readonly allowHalfOpen?: boolean | undefined
}

/**
 * Returns a connecting socket at once. It is destroyed with `code` ETIMEDOUT at the deadline, with an AbortError
 * on abort, with the system's error otherwise (EAGAIN over Unix sockets: the backlog is full, try again).
 * @throws OperationError ERR_VSOCK_ADDRESS, ERR_VSOCK_UNAVAILABLE; UsageError ERR_USAGE (timeout)
 */
export const connect = (options: ConnectOptions): net.Socket => {
  const { transport = kernelTransport, timeout = 10_000, signal, allowHalfOpen = false } = options
  const address = checkAddress(options)
  if (address.cid === VMADDR_CID_ANY) throw addressError('CID ANY is for listening, not for connecting')
  checkTimeout('timeout', timeout)
  const socket = transport.connect(address, { allowHalfOpen, timeout })
  limitConnect(socket, formatAddress(address), { timeout, signal })
  return socket
}

export interface ListenOptions {
  /** Default ANY, which a Unix transport refuses: it has no CID of its own. */
  readonly cid?: number | undefined
  readonly port: number
  /** Default: the kernel's. */
  readonly transport?: VsockTransport | undefined
  /** Connections that may wait to be accepted, default 4096; the kernel caps it at net.core.somaxconn. */
  readonly backlog?: number | undefined
  /** Default true: the server may answer after the peer has ended its sending side, and must end its own. */
  readonly allowHalfOpen?: boolean | undefined
  /** Read nothing from an accepted socket before its resume(); default false. */
  readonly pauseOnConnect?: boolean | undefined
}

/**
 * Resolves to a listening server; add its 'connection' listener in the same turn, none is lost. Over Unix
 * sockets close() removes the socket file, and one that a dead process left behind is replaced.
 * @throws OperationError ERR_VSOCK_ADDRESS, ERR_VSOCK_UNAVAILABLE; the system's error, such as EADDRINUSE
 */
export const listen = async (options: ListenOptions): Promise<net.Server> => {
  const { cid = VMADDR_CID_ANY, port, transport = kernelTransport, backlog = 4096 } = options
  const { allowHalfOpen = true, pauseOnConnect = false } = options
  const address = checkAddress({ cid, port })
  const server = net.createServer({ allowHalfOpen, pauseOnConnect })
  await transport.listen(server, address, backlog)
  return server
}

const transportOf = (parsed: ParsedAddress): VsockTransport => {
  if (parsed.kind === 'kernel') return kernelTransport
  return parsed.kind === 'unix' ? unixTransport(parsed.directory) : hybridTransport(parsed.path)
}

/**
 * Reads an address text into what connect() and listen() take: `vsock:CID:PORT`, `vsock:ANY:PORT`, `unix:DIR:PORT`
 * (CID 3), `unix:DIR:CID.PORT` or `hybrid:PATH:PORT` (CID 3, which that transport ignores: PATH is the guest).
 * @throws OperationError ERR_VSOCK_ADDRESS
 */
export const parseVsockAddress = (text: string): VsockAddress & { readonly transport: VsockTransport } => {
  const parsed = parseAddress(text)
  return { cid: parsed.cid, port: parsed.port, transport: transportOf(parsed) }
}
