/** A net.Server on AF_VSOCK: Node listens on a Unix socket, into whose place dup3(2) puts the vsock one. */
import cluster from 'node:cluster'
import { once } from 'node:events'
import type net from 'node:net'
import type { Native, Result } from '../../native/index.js'
import { OperationError } from '../errors.js'
import { systemError } from '../system-error.js'
import { formatAddress, type VsockAddress } from './address.js'
import { recordPeer } from './peer.js'

/** The descriptor of an accepted socket: Node publishes none, and getpeername(2) needs it. */
const descriptor = (socket: net.Socket): number | undefined =>
  (socket as net.Socket & { readonly _handle?: { readonly fd?: number } })._handle?.fd

/** Takes `vsock` over, a new socket: closes it in the end, whatever happens. */
export const listenKernel = async (
  native: Native,
  vsock: number,
  server: net.Server,
  { cid, port }: VsockAddress,
  backlog: number,
): Promise<void> => {
  const address = formatAddress({ cid, port })
  const check = (result: Result, syscall: string): number => {
    if (result < 0) throw systemError(result, syscall, { address })
    return result
  }
  try {
    // Node would have the primary process open the descriptor's number, which is another thing there.
    if (cluster.isWorker) {
      throw new OperationError(
        'ERR_VSOCK_UNAVAILABLE',
        'a cluster worker cannot listen on AF_VSOCK: listen in the primary process, or in worker threads',
      )
    }
    check(native.vsockBind(vsock, cid, port), 'bind')
    check(native.vsockListen(vsock, backlog), 'listen')
    const unix = check(native.unixSocket(), 'socket')
    server.prependListener('connection', (socket) => {
      const fd = descriptor(socket)
      const peer = fd === undefined ? -1 : native.vsockPeer(fd)
      if (typeof peer !== 'number') recordPeer(socket, { cid: peer[0], port: peer[1] })
    })
    const listening = once(server, 'listening')
    // The server owns `unix` from here on. It watches it from the loop's next turn: dup3() belongs into this one.
    server.listen({ fd: unix })
    const moved = server.listening ? native.dup3(vsock, unix) : 0
    await listening
    if (moved < 0) server.close()
    check(moved, 'dup3')
  } finally {
    native.close(vsock)
  }
}
