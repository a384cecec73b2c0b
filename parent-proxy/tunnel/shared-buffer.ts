/**
 * Forwarding through one buffer for all sockets of a thread: read(2) into it, write(2) out of it in the same turn, so
 * that an idle connection holds no buffer and a busy one allocates nothing. What the kernel does not take at once is
 * copied out, and reading stops until it is gone.
 *
 * For reading this is net.Socket's documented `onread` option, given to a socket that exists already: Node's server
 * takes no options for the sockets that it accepts. Its place in a socket is found by making one with that option; on
 * a Node that keeps it elsewhere, and for sockets that are not the kernel's own, the caller forwards by events.
 */
import { writeSync } from 'node:fs'
import net from 'node:net'

/** Bytes of one read: one read and one write a chunk cost less than half the CPU time that they do with 8 KiB. */
export const SHARED_BUFFER_SIZE = 128 * 1024

/** Called with the bytes of each read; false stops reading until resume(). */
type OnRead = (size: number) => boolean

/** Of libuv's streams, in Node. */
interface Handle {
  /** Negative once it is closed, so asked each time: its old number may be another file's by then. */
  readonly fd: number
  /** Reads from now on go there; the socket has to keep it from being collected. */
  useUserBuffer(buffer: Uint8Array): void
}

interface Place {
  readonly buffer: symbol
  readonly callback: symbol
}

const shared = Buffer.allocUnsafeSlow(SHARED_BUFFER_SIZE)
const record = (socket: net.Socket) => socket as unknown as Record<symbol, unknown>

const findPlace = (): Place | undefined => {
  const callback = () => true
  const probe = new net.Socket({ onread: { buffer: shared, callback } } as net.SocketConstructorOpts)
  const keyOf = (value: unknown) =>
    Object.getOwnPropertySymbols(probe).find((key) => record(probe)[key] === value)
  const places = { buffer: keyOf(shared), callback: keyOf(callback) }
  return places.buffer && places.callback ? (places as Place) : undefined
}
const place = findPlace()

/** The handle, if it is a socket of the kernel and its bytes are the stream's: TLS has the descriptor of what is below. */
const handleOf = (socket: net.Socket): Handle | undefined => {
  const { _handle: handle } = socket as net.Socket & { readonly _handle?: Partial<Handle> | null }
  if (!handle || (handle.constructor.name !== 'TCP' && handle.constructor.name !== 'Pipe')) return undefined
  if (typeof handle.fd !== 'number' || typeof handle.useUserBuffer !== 'function') return undefined
  return handle as Handle
}

/** Whether forwardShared() takes these two. */
export const canShare = (from: net.Socket, to: net.Socket): boolean =>
  place !== undefined && handleOf(from) !== undefined && handleOf(to) !== undefined

/** Bytes that the kernel took. An error destroys the socket, as one of its own writes would. */
const writeNow = (to: net.Socket, { fd }: Handle, size: number): number => {
  if (fd < 0) return size
  // Behind what it holds already.
  if (to.writableLength > 0) return 0
  try {
    return writeSync(fd, shared, 0, size)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    to.destroy(error as Error)
    return size
  }
}

/**
 * Sends what `from` receives to `to`, and what it has received already; ends and errors are the caller's affair.
 * `onBytes` is called before bytes are written, and with 0 when what was held back is gone.
 */
export const forwardShared = (from: net.Socket, to: net.Socket, onBytes: (size: number) => void): void => {
  const source = handleOf(from)
  const sink = handleOf(to)
  if (place === undefined || source === undefined || sink === undefined) return
  const isIdle = (): boolean => to.writableLength === 0
  const onWritten = () => {
    onBytes(0)
    if (isIdle()) from.resume()
  }
  const hold = (data: Buffer): boolean => {
    to.write(data, onWritten)
    return isIdle()
  }
  const onRead: OnRead = (size) => {
    onBytes(size)
    const taken = writeNow(to, sink, size)
    return taken === size || hold(Buffer.from(shared.subarray(taken, size)))
  }
  const early: Buffer | null = from.readableLength > 0 ? from.read() : null
  if (early !== null) {
    onBytes(early.length)
    hold(early)
  }
  record(from)[place.buffer] = shared
  record(from)[place.callback] = onRead
  source.useUserBuffer(shared)
  from.resume()
}
