/**
 * A net.Socket on AF_VSOCK. Node takes no descriptor of that family, but one of a Unix socket; so it gets one end of a
 * Unix pair, and in the same turn, before the loop watches it, dup3(2) puts the vsock socket into its place.
 */
import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import type { Native, Result } from '../../native/index.js'
import { systemError } from '../system-error.js'

export interface Destination {
  readonly cid: number
  readonly port: number
  /** For errors. */
  readonly address: string
}

export interface KernelSocketOptions {
  readonly allowHalfOpen: boolean
  /** Milliseconds until the kernel gives up by itself. */
  readonly timeout: number
}

/** What the kernel means by them (net/vmw_vsock/af_vsock.c). */
const HINTS: Readonly<Record<string, string>> = {
  ECONNRESET: 'nobody listens there, or too many connections wait to be accepted',
  ENODEV: 'no transport of this kernel leads to that CID',
}

/** `connecting` until settle(): Node's own streams then hold back what is written, and tell http and tls to wait. */
class KernelSocket extends net.Socket {
  declare connecting: boolean
  /** Undefined also while the constructor of net.Socket runs, which reads already. */
  declare private established: true | undefined
  #cancel: (() => void) | undefined

  constructor(fd: number, allowHalfOpen: boolean) {
    super({ fd, allowHalfOpen, readable: true, writable: true })
    this.connecting = true
  }

  /** `cancel` ends the attempt that is under way. */
  begin(cancel: () => void): void {
    this.#cancel = cancel
  }

  settle(error: Error | undefined): void {
    this.#cancel = undefined
    if (error !== undefined) {
      this.destroy(error)
      return
    }
    this.established = true
    this.connecting = false
    this.emit('connect')
    this.emit('ready')
  }

  override _read(size: number): void {
    if (this.established) super._read(size)
    else this.once('connect', () => super._read(size))
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#cancel?.()
    this.#cancel = undefined
    super._destroy(error, callback)
  }
}

/** A socket whose descriptor is `vsock`'s by now. */
const adopt = (native: Native, vsock: number, allowHalfOpen: boolean): KernelSocket | Result => {
  const pair = native.socketPair()
  if (typeof pair === 'number') return pair
  const [fd, other] = pair
  const socket = new KernelSocket(fd, allowHalfOpen)
  const result = native.dup3(vsock, fd)
  native.close(other)
  if (result >= 0) return socket
  socket.destroy()
  return result
}

/** Takes `vsock` over, a new socket: closes it in the end, whatever happens. */
export const connectKernel = (
  native: Native,
  vsock: number,
  { cid, port, address }: Destination,
  { allowHalfOpen, timeout }: KernelSocketOptions,
): net.Socket => {
  const failure = (result: Result, syscall: string) => {
    const hint = HINTS[getSystemErrorName(result)]
    return systemError(result, syscall, { address, hint })
  }
  const socket = adopt(native, vsock, allowHalfOpen)
  if (typeof socket === 'number') {
    native.close(vsock)
    return new net.Socket().destroy(failure(socket, 'socket'))
  }
  const attempt = native.vsockConnect(vsock, cid, port, timeout, (result) => {
    socket.settle(result < 0 ? failure(result, 'connect') : undefined)
  })
  if (typeof attempt === 'number') return socket.destroy(failure(attempt, 'connect'))
  socket.begin(() => native.cancelConnect(attempt))
  return socket
}
