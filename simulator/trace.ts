/** The parent's view of a simulation, kept: every forwarded byte, record by record. */
import { closeSync, fchmodSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { UsageError } from '../shared/errors.js'

export type Direction = 'up' | 'down'

/** For the help text. */
export const TRACE_FORMAT = `Each record is a header of 17 bytes, big-endian, then the bytes as the proxy forwarded them:
  1 byte   direction: 0 up (enclave to KMS), 1 down (KMS to enclave)
  4 bytes  connection, counted from 1
  8 bytes  time, milliseconds since 1970
  4 bytes  length of the bytes that follow`

const HEADER_LENGTH = 17

export interface TraceRecord {
  readonly direction: Direction
  readonly connection: number
  readonly data: Uint8Array
}

export class TraceWriter {
  readonly #file: number

  /** Creates or empties the file, readable by its owner only. Throws UsageError ERR_USAGE when it cannot be opened. */
  constructor(path: string) {
    try {
      this.#file = openSync(path, 'w', 0o600)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new UsageError('ERR_USAGE', `cannot write the trace to ${path}: ${code}`, { cause: error })
    }
    // The mode above is for new files only; a terminal or /dev/null keeps its own.
    if (fstatSync(this.#file).isFile()) fchmodSync(this.#file, 0o600)
  }

  write({ direction, connection, data }: TraceRecord): void {
    const header = Buffer.alloc(HEADER_LENGTH)
    header.writeUInt8(direction === 'up' ? 0 : 1, 0)
    header.writeUInt32BE(connection, 1)
    header.writeBigUInt64BE(BigInt(Date.now()), 5)
    header.writeUInt32BE(data.length, 13)
    // Not writeSync, which may write a part only.
    writeFileSync(this.#file, Buffer.concat([header, data]))
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Both directions of every connection, each put together again. A record cut off at the end counts as far as it goes. */
export function readStreams(path: string): readonly Uint8Array[] {
  const bytes = readFileSync(path)
  const streams = new Map<string, Uint8Array[]>()
  for (let offset = 0; offset + HEADER_LENGTH <= bytes.length; ) {
    const key = bytes.toString('hex', offset, offset + 5)
    const start = offset + HEADER_LENGTH
    const end = start + bytes.readUInt32BE(offset + 13)
    const chunks = streams.get(key) ?? []
    chunks.push(bytes.subarray(start, end))
    streams.set(key, chunks)
    offset = end
  }
  return [...streams.values()].map((chunks) => Buffer.concat(chunks))
}
