/** The contents of a layer's files, one after the other in one file of this machine. */
import { open } from 'node:fs/promises'
import { fileError } from '../file-errors.js'
import type { FileContent } from '../root/file-system-entry.js'

export interface Spool {
  /** Where the next byte goes. */
  readonly position: number
  /** The next bytes; written by `flush`. */
  push(chunk: Uint8Array): void
  /** Throws UsageError ERR_USAGE when the file cannot be written. */
  flush(): Promise<void>
  /** What stands at `offset`, once it was flushed. */
  content(offset: number, size: number): FileContent
  close(): Promise<void>
}

/** Throws UsageError ERR_USAGE. */
export async function createSpool(file: string): Promise<Spool> {
  const handle = await writing(file, open(file, 'w'))
  let position = 0
  let pending: Uint8Array[] = []
  return {
    get position() {
      return position
    },
    push(chunk) {
      pending.push(chunk)
      position += chunk.length
    },
    async flush() {
      if (pending.length === 0) return
      const chunk = Buffer.concat(pending)
      pending = []
      await writing(file, handle.appendFile(chunk))
    },
    content: (offset, size) => (size === 0 ? new Uint8Array() : { file, offset, size }),
    close: () => writing(file, handle.close()),
  }
}

async function writing<T>(file: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw fileError('write', file, error)
  }
}
