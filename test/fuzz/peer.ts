/** A connection whose other end is an input: a stream with as much of net.Socket as the product asks for. */
import { Duplex } from 'node:stream'

export class Peer extends Duplex {
  readonly #chunks: Uint8Array[]
  readonly #answers: Buffer[] = []
  bytesRead = 0

  constructor(chunks: readonly Uint8Array[]) {
    super({ allowHalfOpen: true, emitClose: true })
    // Copies: whoever gets a chunk may keep it.
    this.#chunks = chunks.map((chunk) => Buffer.from(chunk))
  }

  /** What was written to it. */
  get answers(): Buffer {
    return Buffer.concat(this.#answers)
  }

  /** One chunk a turn, as a socket gives them. */
  override _read(): void {
    process.nextTick(() => {
      const chunk = this.#chunks.shift() ?? null
      this.bytesRead += chunk?.length ?? 0
      this.push(chunk)
    })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#answers.push(chunk)
    callback()
  }

  override _final(callback: () => void): void {
    callback()
  }

  setTimeout(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }
}
