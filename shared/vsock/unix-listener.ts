/** A server's Unix socket: the path it may have, and the file that a dead process left behind at it. */
import { once } from 'node:events'
import { lstatSync, statSync, unlinkSync } from 'node:fs'
import net from 'node:net'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { systemError } from '../system-error.js'
import { addressError } from './address.js'

/** sizeof(sockaddr_un.sun_path) is 108 with its NUL (unix(7)); libuv may cut a longer path off in silence. */
const MAX_PATH_BYTES = 107

/** @throws OperationError ERR_VSOCK_ADDRESS if `path` is longer than a Unix socket's path can be. */
export const checkSocketPath = (path: string): string => {
  const size = Buffer.byteLength(path)
  if (size > MAX_PATH_BYTES) {
    throw addressError(`a Unix socket's path has at most ${MAX_PATH_BYTES} bytes, this one ${size}: ${path}`)
  }
  return path
}

const isMissing = (directory: string): boolean => {
  try {
    return statSync(directory, { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}

/** libuv reports EACCES where the directory is missing, too (uv_pipe_bind2). */
const explained = (error: NodeJS.ErrnoException, path: string): NodeJS.ErrnoException => {
  const directory = dirname(path)
  if (error.code !== 'EACCES' || !isMissing(directory)) return error
  const hint = `there is no directory ${directory}`
  return systemError(-constants.errno.ENOENT, 'listen', { address: path, hint })
}

const bind = async (server: net.Server, path: string, backlog: number): Promise<void> => {
  server.listen({ path, backlog })
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw explained(error, path)
  })
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

/** Listens at `path`, in place of a stale socket file. @throws the system's error, such as EADDRINUSE; ENOENT without its directory */
export const listenUnix = async (server: net.Server, path: string, backlog: number): Promise<void> => {
  try {
    await bind(server, path, backlog)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    await removeStale(path)
    await bind(server, path, backlog)
  }
}
