/**
 * vsock over Unix sockets, for machines without AF_VSOCK: address CID:PORT is the socket `DIR/<cid>.<port>`.
 * Whoever may enter DIR may connect: keep it at mode 0700. A full backlog refuses at once, with EAGAIN.
 */
import { once } from 'node:events'
import { lstatSync, unlinkSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { addressError, VMADDR_CID_ANY, type VsockAddress } from './address.js'
import type { VsockTransport } from './transport.js'

/** sizeof(sockaddr_un.sun_path) is 108 with its NUL (unix(7)); libuv may cut a longer path off in silence. */
const MAX_PATH_BYTES = 107

const bind = async (server: net.Server, path: string, backlog: number): Promise<void> => {
  server.listen({ path, backlog })
  await once(server, 'listening')
}

/** The error code of a connection to `path`, undefined if somebody accepts it. */
const probe = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = net.connect({ path }, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })

/** Which file stands at `path`: the inode number alone may be used again at once. */
const identify = (path: string): string | undefined => {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat?.isSocket() ? `${stat.dev}:${stat.ino}:${stat.ctimeNs}` : undefined
}

/** Deletes a socket file that nobody listens on any more; any other file stays. */
const removeStale = async (path: string): Promise<void> => {
  const before = identify(path)
  if (before === undefined || (await probe(path)) !== 'ECONNREFUSED') return
  // Another process may have replaced the same stale file during the probe: that one is alive.
  if (identify(path) === before) unlinkSync(path)
}

const listenUnix = async (server: net.Server, path: string, backlog: number): Promise<void> => {
  try {
    await bind(server, path, backlog)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    await removeStale(path)
    await bind(server, path, backlog)
  }
}

/** Transport over the sockets in `directory`, which must exist. @throws OperationError ERR_VSOCK_ADDRESS */
export const unixTransport = (directory: string): VsockTransport => {
  if (directory === '' || directory.includes('\0')) {
    throw addressError('a Unix transport needs the name of a directory')
  }
  const locate = ({ cid, port }: VsockAddress): string => {
    if (cid === VMADDR_CID_ANY) throw addressError('a Unix transport needs a CID: ANY names no socket file')
    const path = join(directory, `${cid}.${port}`)
    const size = Buffer.byteLength(path)
    if (size > MAX_PATH_BYTES) {
      throw addressError(
        `a Unix socket's path has at most ${MAX_PATH_BYTES} bytes, this one ${size}: ${path}`,
      )
    }
    return path
  }
  return {
    connect: (address, { allowHalfOpen }) => net.connect({ path: locate(address), allowHalfOpen }),
    listen: async (server, address, backlog) => listenUnix(server, locate(address), backlog),
  }
}
