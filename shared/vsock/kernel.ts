/** AF_VSOCK (vsock(7)), by the native addon. */
import net from 'node:net'
import { loadNative, type Native } from '../../native/index.js'
import { OperationError, UsageError } from '../errors.js'
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

const openSocket = (native: Native, address: string, window: number): number => {
  const fd = native.vsockSocket(window)
  if (fd >= 0) return fd
  const cause = systemError(fd, 'socket', { address })
  if (cause.code !== 'EAFNOSUPPORT') throw cause
  throw unavailable('this kernel has no AF_VSOCK: its module vsock is not loaded', cause)
}

/** Bytes. With the kernel's 256 KiB a sender waits for credit after every fourth packet, at half a Unix socket's rate. */
const DEFAULT_WINDOW = 4 * 1024 * 1024
const MIN_WINDOW = 1_024
const MAX_WINDOW = 16 * 1024 * 1024

export interface KernelTransportOptions {
  /** Bytes that a peer may send on a connection before they are read: 1,024 to 16,777,216, by default 4 MiB. */
  readonly window?: number | undefined
}

/**
 * AF_VSOCK with a window of your own: a small one bounds the kernel memory that a peer who is not read can fill.
 * Throws UsageError ERR_USAGE for a window out of range; for the rest see kernelTransport.
 */
export const kernelTransportWith = (options: KernelTransportOptions): VsockTransport => {
  const { window = DEFAULT_WINDOW } = options
  if (!Number.isInteger(window) || window < MIN_WINDOW || window > MAX_WINDOW) {
    throw new UsageError('ERR_USAGE', `window: not a number of bytes from ${MIN_WINDOW} to ${MAX_WINDOW}`)
  }
  return {
    connect: (destination, { allowHalfOpen, timeout }) => {
      const native = addon()
      const address = formatAddress(destination)
      const limit = Math.min(Math.ceil(timeout) + GRACE, MAX_TIMEOUT)
      let fd: number
      try {
        fd = openSocket(native, address, window)
      } catch (error) {
        if (error instanceof OperationError) throw error
        return new net.Socket().destroy(error as Error)
      }
      return connectKernel(native, fd, { ...destination, address }, { allowHalfOpen, timeout: limit })
    },
    listen: async (server, address, backlog) => {
      const native = addon()
      await listenKernel(native, openSocket(native, formatAddress(address), window), server, address, backlog)
    },
  }
}

/**
 * The kernel's own transport. Throws ERR_VSOCK_UNAVAILABLE without the addon or without AF_VSOCK in the kernel; never
 * falls back to another transport in silence. A port on which nobody listens is ECONNRESET, a CID to which nothing
 * leads ENODEV.
 */
export const kernelTransport: VsockTransport = kernelTransportWith({})

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
