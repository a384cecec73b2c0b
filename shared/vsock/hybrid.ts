/**
 * Hybrid vsock: a guest's vsock as Unix sockets on the host, as Firecracker (docs/vsock.md), Cloud Hypervisor
 * and vhost-device-vsock offer it. Towards the guest: connect to PATH, where the VMM listens, write
 * `CONNECT <port>\n`, read `OK <number>\n`. From the guest: its connect to CID 2, port P arrives at the Unix
 * socket `PATH_P`. The path is the guest, so a CID plays no role. Whoever may open PATH may connect.
 *
 * Half-close is the VMM's affair: Firecracker and vhost-device-vsock do not pass on the guest's, and tell the
 * guest that all is over when the host ends its own sending side.
 */
import net from 'node:net'
import { constants } from 'node:os'
import { systemError } from '../system-error.js'
import { addressError } from './address.js'
import type { VsockTransport } from './transport.js'
import { checkSocketPath, listenUnix } from './unix-listener.js'

/** A port, the host's in Firecracker, the guest's in vhost-device-vsock; nothing rests on it. */
const ANSWER = /^OK [0-9]{1,10}\n/
const MAX_ANSWER_BYTES = 'OK 4294967295\n'.length

type Callback = (error?: Error | null) => void

interface Chunk {
  readonly chunk: Buffer | string
  readonly encoding: BufferEncoding
}

const connectError = (code: 'ECONNRESET' | 'EPROTO', address: string, cause?: Error): Error =>
  Object.assign(systemError(-constants.errno[code], 'connect', { address }), cause && { cause })

/** What Node tells a write that was waiting for the connection. */
const closedEarly = (): Error =>
  Object.assign(new Error('Socket closed before the connection was established'), {
    code: 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
  })

/**
 * A net.Socket in front of another one, to the VMM; `connecting` until the VMM has said OK. It has no handle:
 * TLS uses it as a stream, where it would read the VMM's answer itself from the handle of a real socket.
 */
class HybridSocket extends net.Socket {
  declare connecting: boolean
  declare timeout?: number
  readonly #raw: net.Socket
  readonly #address: string
  /** The VMM's answer as far as it has come, one character a byte. */
  #answer = ''
  /** A write or end that came before the connection: the stream has one under way at a time. */
  #held: Callback | undefined
  #bytesSent = 0
  #rawClosed = false
  #onRawClose: (() => void) | undefined

  constructor(path: string, port: number, allowHalfOpen: boolean) {
    super({ allowHalfOpen })
    this.connecting = true
    this.#address = `hybrid:${path}:${port}`
    // Half open in any case: when to end is for the socket in front to say.
    this.#raw = net.connect({ path, allowHalfOpen: true })
    this.#raw.on('data', (chunk) => this.#onData(chunk))
    this.#raw.on('end', () => this.#onEnd())
    this.#raw.on('error', (error) => this.#onError(error))
    this.#raw.on('timeout', () => this.emit('timeout'))
    this.#raw.on('close', () => {
      this.#rawClosed = true
      this.#onRawClose?.()
    })
    // The whole line in one write, and nothing more before the OK: else Firecracker drops the connection.
    this.#raw.write(`CONNECT ${port}\n`)
  }

  #onData(chunk: Buffer): void {
    if (this.connecting) this.#readAnswer(chunk)
    else if (!this.push(chunk)) this.#raw.pause()
  }

  #readAnswer(chunk: Buffer): void {
    const answer = this.#answer + chunk.toString('latin1')
    const line = ANSWER.exec(answer)?.[0]
    if (line !== undefined) {
      const rest = chunk.subarray(line.length - this.#answer.length)
      this.#answer = line
      this.#open(rest)
    } else if (answer.includes('\n') || answer.length >= MAX_ANSWER_BYTES) {
      this.destroy(connectError('EPROTO', this.#address))
    } else {
      this.#answer = answer
    }
  }

  /** Connected; `rest` is what the guest has sent already. */
  #open(rest: Buffer): void {
    this.connecting = false
    this.#held?.()
    this.#held = undefined
    this.emit('connect')
    this.emit('ready')
    this.#onData(rest)
  }

  #onEnd(): void {
    if (this.connecting) {
      this.#onHangUp()
      return
    }
    this.push(null)
    // As net.Socket does: where nothing is left to read, 'end' needs no reader.
    this.read(0)
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.connecting && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) this.#onHangUp(error)
    else this.destroy(error)
  }

  /** Closed without an answer: nobody listens on that port. The code is the one that AF_VSOCK gives there. */
  #onHangUp(cause?: Error): void {
    this.destroy(connectError(this.#answer === '' ? 'ECONNRESET' : 'EPROTO', this.#address, cause))
  }

  #whenConnected(callback: Callback, act: () => void): void {
    if (this.connecting) this.#held = (error) => (error ? callback(error) : act())
    else act()
  }

  override _read(): void {
    this.#raw.resume()
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    this._writev([{ chunk, encoding }], callback)
  }

  override _writev(chunks: readonly Chunk[], callback: Callback): void {
    this.#whenConnected(callback, () => {
      const last = chunks.length - 1
      const done: Callback = (error) => {
        for (const { chunk, encoding } of chunks) this.#bytesSent += Buffer.byteLength(chunk, encoding)
        callback(error)
      }
      this.#raw.cork()
      chunks.forEach(({ chunk, encoding }, index) => {
        this.#raw.write(chunk, encoding, index === last ? done : undefined)
      })
      this.#raw.uncork()
    })
  }

  override _final(callback: Callback): void {
    this.#whenConnected(callback, () => this.#raw.end(callback))
  }

  /** Closed when the socket to the VMM is. */
  override _destroy(error: Error | null, callback: Callback): void {
    this.connecting = false
    const held = this.#held
    this.#held = undefined
    this.#onRawClose = () => {
      callback(error)
      process.nextTick(() => {
        held?.(closedEarly())
        // net.Socket leaves this event to its handle.
        this.emit('close', error !== null)
      })
    }
    if (this.#rawClosed) this.#onRawClose()
    else this.#raw.destroy()
  }

  /** A late listener for 'connect' is called too: TLS over a socket without a handle waits for it. */
  override once(event: string, listener: (...args: never[]) => void): this {
    const late = event === 'connect' && !this.pending
    if (late) process.nextTick(() => listener.call(this))
    return late ? this : super.once(event, listener as () => void)
  }

  /** The other socket's timer: it knows of all activity. */
  override setTimeout(timeout: number, callback?: () => void): this {
    this.#raw.setTimeout(timeout)
    this.timeout = timeout
    if (callback === undefined) return this
    return timeout === 0 ? this.off('timeout', callback) : this.once('timeout', callback)
  }

  override ref(): this {
    this.#raw.ref()
    return this
  }

  override unref(): this {
    this.#raw.unref()
    return this
  }

  // @ts-expect-error: an accessor in net.Socket too, whatever its types say
  override get pending(): boolean {
    return this.connecting || this.destroyed
  }

  // @ts-expect-error: the same
  override get bytesRead(): number {
    return this.#raw.bytesRead - this.#answer.length
  }

  /** What waits in the buffer counts by its length, a string by its characters. */
  // @ts-expect-error: the same
  override get bytesWritten(): number {
    return this.#bytesSent + this.writableLength
  }
}

/** Transport to and from the guest whose VMM listens at `path`. @throws OperationError ERR_VSOCK_ADDRESS */
export const hybridTransport = (path: string): VsockTransport => {
  if (path === '' || path.includes('\0')) {
    throw addressError("a hybrid transport needs the path of the VMM's socket")
  }
  return {
    connect: ({ port }, { allowHalfOpen }) => new HybridSocket(checkSocketPath(path), port, allowHalfOpen),
    listen: async (server, { port }, backlog) =>
      listenUnix(server, checkSocketPath(`${path}_${port}`), backlog),
  }
}
