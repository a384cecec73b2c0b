/** AF_VSOCK (vsock(7)), by the native addon. */
import net from 'node:net'
import { loadNative, type Native } from '../../native/index.js'
import { OperationError } from '../errors.js'
import { systemError } from '../system-error.js'
import { formatAddress } from './address.js'
import { listenKernel } from './kernel-server.js'
import { connectKernel } from './kernel-socket.js'
import type { VsockTransport } from './transport.js'

/** The addon's own limit: 49 days. */
const MAX_TIMEOUT = 0xffffffff
/** Milliseconds that the kernel waits longer than whoever set the limit, so that it is one and the same error. */
const GRACE = 1_000

const unavailable = (message: string, cause?: unknown): OperationError =>
  new OperationError('ERR_VSOCK_UNAVAILABLE', message, { cause })

const addon = (): Native => {
  try {
    return loadNative()
  } catch (error) {
    throw unavailable((error as Error).message, error)
  }
}

const openSocket = (native: Native, address: string): number => {
  const fd = native.vsockSocket()
  if (fd >= 0) return fd
  const cause = systemError(fd, 'socket', { address })
  if (cause.code !== 'EAFNOSUPPORT') throw cause
  throw unavailable('this kernel has no AF_VSOCK: its module vsock is not loaded', cause)
}

/**
 * The kernel's own transport. Throws ERR_VSOCK_UNAVAILABLE without the addon or without AF_VSOCK in the kernel; never
 * falls back to another transport in silence. A port on which nobody listens is ECONNRESET, a CID to which nothing
 * leads ENODEV.
 */
export const kernelTransport: VsockTransport = {
  connect: (destination, { allowHalfOpen, timeout }) => {
    const native = addon()
    const address = formatAddress(destination)
    const limit = Math.min(Math.ceil(timeout) + GRACE, MAX_TIMEOUT)
    let fd: number
    try {
      fd = openSocket(native, address)
    } catch (error) {
      if (error instanceof OperationError) throw error
      return new net.Socket().destroy(error as Error)
    }
    return connectKernel(native, fd, { ...destination, address }, { allowHalfOpen, timeout: limit })
  },
  listen: async (server, address, backlog) => {
    const native = addon()
    await listenKernel(native, openSocket(native, formatAddress(address)), server, address, backlog)
  },
}

/**
 * The CID of this machine, as the kernel knows it.
 * @throws OperationError ERR_VSOCK_UNAVAILABLE; the system's error, such as EACCES on /dev/vsock
 */
export const localCid = (): number => {
  const cid = addon().vsockLocalCid()
  if (cid >= 0) return cid
  const cause = systemError(cid, 'open', { address: '/dev/vsock' })
  if (cause.code !== 'ENOENT' && cause.code !== 'ENODEV') throw cause
  throw unavailable('this kernel has no AF_VSOCK: there is no /dev/vsock', cause)
}
