/**
 * JSON files of the simulator's state: each is there as a whole, old or new, whatever moment a process dies at.
 * They hold keys: only their owner can read them.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { OperationError, UsageError } from '../../shared/errors.js'

/** Bytes, of reading and writing alike: what was written can be read. */
const MAX_SIZE = 64 * 1024 * 1024
/** Milliseconds after which a file beside another is no longer being written. */
const ABANDONED = 60_000

/**
 * The value in the file, or undefined when there is no such file.
 * Throws UsageError ERR_USAGE that names the file when it cannot be read, is not JSON, or is too large.
 */
export async function readJsonFile(path: string): Promise<unknown | undefined> {
  const text = await readText(path).catch((error: unknown) => {
    if (error instanceof UsageError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new UsageError('ERR_USAGE', `cannot read ${path} (${code})`)
  })
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // What JSON.parse says of the place would quote the file.
    throw damaged(path, 'is not JSON')
  }
}

/** A state file that is left as it is, because what stands in it is not understood. */
export function damaged(path: string, what: string): UsageError {
  return new UsageError('ERR_USAGE', `${path} ${what}: restore it from a copy, or move it away to begin anew`)
}

async function readText(path: string): Promise<string> {
  // Without O_NONBLOCK the opening of a FIFO would wait for whoever writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile()) throw new UsageError('ERR_USAGE', `cannot read ${path}: it is not a regular file`)
    if (found.size > MAX_SIZE) throw damaged(path, `has more than ${MAX_SIZE} bytes`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/**
 * Replaces the file: when this returns, the new content is on the disk under its name, mode 0600.
 * Throws OperationError ERR_SIMULATOR that names the file when it cannot be written; the file is whole all the same.
 * Two writers at once leave the content of one of them.
 */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value, undefined, 2)}\n`
  if (Buffer.byteLength(text) > MAX_SIZE) {
    throw new OperationError(
      'ERR_SIMULATOR',
      `cannot write ${path}: it would have more than ${MAX_SIZE} bytes`,
    )
  }
  const folder = dirname(path)
  const beside = join(folder, `${besidePrefix(path)}${randomBytes(6).toString('hex')}${BESIDE_SUFFIX}`)
  try {
    const file = await open(beside, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
    await syncFolder(folder)
    await removeAbandoned(path).catch(() => undefined)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined)
    const { code } = error as NodeJS.ErrnoException
    throw new OperationError('ERR_SIMULATOR', `cannot write ${path} (${code})`, { cause: error })
  }
}

const BESIDE_SUFFIX = '.tmp'
const besidePrefix = (path: string) => `.${basename(path)}.`

/** So that the new name outlives a crash of the machine, too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } catch (error) {
    // Some file systems cannot; the file is in its place all the same.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
  } finally {
    await folder.close()
  }
}

/** What killed writers left: it may hold keys. */
async function removeAbandoned(path: string): Promise<void> {
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    if (!name.startsWith(besidePrefix(path)) || !name.endsWith(BESIDE_SUFFIX)) continue
    const file = join(folder, name)
    const found = await stat(file).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED) await rm(file, { force: true })
  }
}
