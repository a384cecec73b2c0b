/**
 * vsock over Unix sockets, for machines without AF_VSOCK: address CID:PORT is the socket `DIR/<cid>.<port>`.
 * Whoever may enter DIR may connect: keep it at mode 0700. A full backlog refuses at once, with EAGAIN.
 */
import net from 'node:net'
import { join } from 'node:path'
import { addressError, VMADDR_CID_ANY, type VsockAddress } from './address.js'
import type { VsockTransport } from './transport.js'
import { checkSocketPath, listenUnix } from './unix-listener.js'

/** Transport over the sockets in `directory`, which must exist. @throws OperationError ERR_VSOCK_ADDRESS */
export const unixTransport = (directory: string): VsockTransport => {
  if (directory === '' || directory.includes('\0')) {
    throw addressError('a Unix transport needs the name of a directory')
  }
  const locate = ({ cid, port }: VsockAddress): string => {
    if (cid === VMADDR_CID_ANY) throw addressError('a Unix transport needs a CID: ANY names no socket file')
    return checkSocketPath(join(directory, `${cid}.${port}`))
  }
  return {
    connect: (address, { allowHalfOpen }) => net.connect({ path: locate(address), allowHalfOpen }),
    listen: async (server, address, backlog) => listenUnix(server, locate(address), backlog),
  }
}
