/** A file that is there as a whole, or not at all: written beside its place, and renamed when it is on the disk. */
import { randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../shared/errors.js'
import { fileError } from './file-errors.js'

/** Readable by everyone, whatever the umask: an image is no secret. */
const MODE = 0o644

/** What stands at `path`, of which nothing may be replaced but a regular file. Throws UsageError ERR_USAGE. */
export async function existingOutput(path: string): Promise<BigIntStats | undefined> {
  const found = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw fileError('write', path, error)
  })
  if (found?.isDirectory()) throw new UsageError('ERR_USAGE', `cannot write ${path}: it is a directory`)
  if (found && !found.isFile()) {
    throw new UsageError('ERR_USAGE', `cannot write ${path}: it is not a regular file`)
  }
  return found
}

/** Throws what `body` throws, and UsageError ERR_USAGE when the file cannot be written; then `path` is as it was. */
export async function writeWhole<T>(path: string, body: (file: OutputFile) => Promise<T>): Promise<T> {
  // Through a symbolic link, as whoever opens a file for writing goes.
  const target = await realpath(path).catch(() => resolve(path))
  const beside = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  const failed = (error: unknown) => fileError('write', path, error)
  const handle = await open(beside, 'wx', 0o600).catch((error: unknown) => {
    throw failed(error)
  })
  try {
    const result = await body(outputFile(handle, failed))
    await finish(handle, beside, target).catch((error: unknown) => {
      throw failed(error)
    })
    return result
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(beside, { force: true })
    throw error
  }
}

export interface OutputFile {
  /** All of `bytes`, at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>
}

function outputFile(handle: FileHandle, failed: (error: unknown) => UsageError): OutputFile {
  return {
    write: async (bytes, position) => {
      try {
        for (let done = 0; done < bytes.length; ) {
          done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten
        }
      } catch (error) {
        throw failed(error)
      }
    },
  }
}

async function finish(handle: FileHandle, beside: string, target: string): Promise<void> {
  await handle.chmod(MODE)
  await handle.sync()
  await handle.close()
  await rename(beside, target)
  await syncFolder(dirname(target)).catch(() => undefined)
}

/** So that the new name outlives a crash, too; some file systems cannot, and the file is in its place all the same. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
