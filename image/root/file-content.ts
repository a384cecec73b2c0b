/** Reads a file's content in chunks, and notices when it is not the file that was announced. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { FormatError } from '../../shared/errors.js'
import { fileError } from '../file-errors.js'
import { shownPath } from './entry-path.js'
import type { FileContent, FileRange } from './file-system-entry.js'

/** Bytes that are read at once. */
const CHUNK = 256 * 1024

export interface OpenContent {
  /** Bytes that `chunks` gives, neither more nor fewer. */
  readonly size: number
  /** To be read once. Throws FormatError ERR_ROOT_FILE_SYSTEM when the file has become longer or shorter. */
  chunks(): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

/**
 * Throws UsageError ERR_USAGE when a file cannot be read, FormatError ERR_ROOT_FILE_SYSTEM when it is not the one that
 * was announced; both show its path.
 */
export async function openContent(content: FileContent): Promise<OpenContent> {
  if (typeof content === 'string') return bytesContent(Buffer.from(content))
  if (content instanceof Uint8Array) return bytesContent(content)
  const handle = await system(content, openFile(content))
  try {
    const size = await sizeOf(content, handle)
    return { size, chunks: () => readRange(content, handle, size), close: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function bytesContent(bytes: Uint8Array): OpenContent {
  return {
    size: bytes.length,
    chunks: async function* () {
      if (bytes.length > 0) yield bytes
    },
    close: async () => undefined,
  }
}

function openFile({ file }: FileRange): Promise<FileHandle> {
  // Without O_NONBLOCK the opening of a FIFO would wait for whoever writes to it.
  return open(typeof file === 'string' ? file : Buffer.from(file), constants.O_RDONLY | constants.O_NONBLOCK)
}

async function sizeOf(range: FileRange, handle: FileHandle): Promise<number> {
  const stat = await system(range, handle.stat())
  if (!stat.isFile())
    throw new FormatError('ERR_ROOT_FILE_SYSTEM', `${shownPath(range.file)} is not a regular file`)
  const { offset = 0, size = stat.size - offset } = range
  return size
}

async function* readRange(range: FileRange, handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  const { offset = 0 } = range
  let done = 0
  while (done < size) {
    // Fresh memory for each chunk: whoever takes it may keep it.
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size - done))
    const { bytesRead } = await system(range, handle.read(buffer, 0, buffer.length, offset + done))
    if (bytesRead === 0) throw changed(range, `it ends at byte ${offset + done} now`)
    done += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
  // A range with an offset is a part of a longer file.
  if (range.offset !== undefined) return
  const { bytesRead } = await system(range, handle.read(Buffer.alloc(1), 0, 1, size))
  if (bytesRead !== 0) throw changed(range, `it has more than its ${size} bytes now`)
}

async function system<T>({ file }: FileRange, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw fileError('read', shownPath(file), error)
  }
}

function changed({ file }: FileRange, how: string): FormatError {
  return new FormatError(
    'ERR_ROOT_FILE_SYSTEM',
    `${shownPath(file)} changed while the image was built: ${how}. Build again when nothing writes to it`,
  )
}
