/** Bytes that are read by position: a file, or memory in tests. */
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { FormatError, UsageError } from '../shared/errors.js'
import { fileError } from './file-errors.js'

export interface ByteSource {
  readonly size: number
  /** Fills `buffer` from `position` on, or a part of it; gives how many bytes, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>
}

export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (buffer, position) => {
      const piece = bytes.subarray(position, position + buffer.length)
      buffer.set(piece)
      return piece.length
    },
  }
}

export interface FileSource extends ByteSource {
  /** Of the file as it was opened. */
  readonly stat: BigIntStats
  readonly handle: FileHandle
}

/**
 * Opens a regular file. Throws UsageError ERR_USAGE that names the file when it cannot be opened, or is something else;
 * `verb` says what it is for. Reading throws the same.
 */
export async function openFile(path: string, verb: 'read' | 'use'): Promise<FileSource> {
  // Without O_NONBLOCK the opening of a FIFO would wait for whoever writes to it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw fileError('read', path, error)
  })
  try {
    const stat = await handle.stat({ bigint: true })
    if (stat.isDirectory()) throw new UsageError('ERR_USAGE', `cannot ${verb} ${path}: it is a directory`)
    if (!stat.isFile()) throw new UsageError('ERR_USAGE', `cannot ${verb} ${path}: it is not a regular file`)
    return { stat, handle, size: Number(stat.size), read: reading(path, handle) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function reading(path: string, handle: FileHandle): ByteSource['read'] {
  return async (buffer, position) => {
    try {
      return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
    } catch (error) {
      throw fileError('read', path, error)
    }
  }
}

/** Runs `body` on a regular file. Throws UsageError ERR_USAGE that names the file when it cannot be read. */
export async function withFile<T>(path: string, body: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await openFile(path, 'read')
  try {
    return await body(source)
  } finally {
    await source.handle.close()
  }
}

/** `length` bytes from `position` on. Throws FormatError ERR_EIF_TRUNCATED when they are not there. */
export async function readExactly(source: ByteSource, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const count = await source.read(bytes.subarray(filled), position + filled)
    if (count === 0) throw new FormatError('ERR_EIF_TRUNCATED', `the file ends at byte ${position + filled}`)
    filled += count
  }
  return bytes
}

/** As many of `length` bytes from `position` on as there are. */
export async function readUpTo(source: ByteSource, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let filled = 0
  for (let count = -1; count !== 0 && filled < length; filled += count) {
    count = await source.read(bytes.subarray(filled), position + filled)
  }
  return bytes.subarray(0, filled)
}

/** Bytes of a piece at most. */
const PIECE = 1024 * 1024

/**
 * `length` bytes from `position` on, piece by piece. Each piece is gone when the next one is asked for: they share
 * their memory. Throws FormatError ERR_EIF_TRUNCATED.
 */
export async function* pieces(source: ByteSource, position: number, length: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(PIECE, length))
  for (let done = 0; done < length; ) {
    const count = await source.read(buffer.subarray(0, length - done), position + done)
    if (count === 0) throw new FormatError('ERR_EIF_TRUNCATED', `the file ends at byte ${position + done}`)
    done += count
    yield buffer.subarray(0, count)
  }
}
