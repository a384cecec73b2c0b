/** A file that goes into an image: opened once, and the same from the first byte to the last. */
import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { FormatError, UsageError } from '../shared/errors.js'
import { type ByteSource, pieces } from './byte-source.js'
import { fileError } from './file-errors.js'

export interface InputFile extends ByteSource {
  readonly path: string
  /** Whether `stat` is of this very file, under whatever name. */
  isSame(stat: BigIntStats): boolean
  /** All of its bytes. Throws UsageError ERR_USAGE when the file has changed since it was opened. */
  pieces(): AsyncGenerator<Buffer>
  close(): Promise<void>
}

/** Throws UsageError ERR_USAGE, naming the file, unless it is a regular file with something in it. */
export async function openInput(path: string): Promise<InputFile> {
  // Without O_NONBLOCK the opening of a FIFO would wait for whoever writes to it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw fileError('read', path, error)
  })
  try {
    const stat = await handle.stat({ bigint: true })
    if (stat.isDirectory()) throw unusable(path, 'it is a directory')
    if (!stat.isFile()) throw unusable(path, 'it is not a regular file')
    if (stat.size === 0n) throw unusable(path, 'it is empty')
    return inputFile(path, handle, stat)
  } catch (error) {
    await handle.close()
    throw error
  }
}

function inputFile(path: string, handle: FileHandle, stat: BigIntStats): InputFile {
  const source: ByteSource = {
    size: Number(stat.size),
    read: async (buffer, position) => {
      try {
        return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
      } catch (error) {
        throw fileError('read', path, error)
      }
    },
  }
  const changed = () => unusable(path, 'it changed in the meantime')
  return {
    ...source,
    path,
    isSame: ({ dev, ino }) => dev === stat.dev && ino === stat.ino,
    async *pieces() {
      try {
        yield* pieces(source, 0, source.size)
      } catch (error) {
        // It ended too early.
        throw error instanceof FormatError ? changed() : error
      }
      const now = await handle.stat({ bigint: true })
      if (now.size !== stat.size || now.mtimeNs !== stat.mtimeNs) throw changed()
    },
    close: () => handle.close(),
  }
}

function unusable(path: string, why: string): UsageError {
  return new UsageError('ERR_USAGE', `cannot use ${path}: ${why}`)
}
