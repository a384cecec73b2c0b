/** A file that goes into an image: opened once, and the same from the first byte to the last. */
import type { BigIntStats } from 'node:fs'
import { FormatError, UsageError } from '../shared/errors.js'
import { type ByteSource, openFile, pieces } from './byte-source.js'

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
  const source = await openFile(path, 'use')
  const { stat, handle, size, read } = source
  if (size === 0) {
    await handle.close()
    throw unusable(path, 'it is empty')
  }
  const changed = () => unusable(path, 'it changed in the meantime')
  return {
    size,
    read,
    path,
    isSame: ({ dev, ino }) => dev === stat.dev && ino === stat.ino,
    async *pieces() {
      try {
        yield* pieces(source, 0, size)
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
