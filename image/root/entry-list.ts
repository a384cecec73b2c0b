/** The entries of an archive in their final order: sorted, parents first, nothing twice, every number in its range. */
import { FormatError } from '../../shared/errors.js'
import { entryPath, MAX_PATH, shownPath } from './entry-path.js'
import { type FileSystemEntry, MAX_ENTRIES } from './file-system-entry.js'

/** An entry with its path in bytes and nothing left to default. */
export type ListedEntry = FileSystemEntry & {
  readonly path: Buffer
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** What a list may take of memory. */
export interface ListLimits {
  /** 1,000,000 unless given. */
  readonly entries?: number
  /** Bytes of all paths together; 256 MiB unless given. */
  readonly pathBytes?: number
}

/** Fields of 32 bits (newc). */
const MAX_NUMBER = 0xffff_ffff

/**
 * Parents that are missing become directories of mode 0755. The order depends on the paths' bytes alone.
 * Throws FormatError ERR_ROOT_FILE_SYSTEM, which shows the path.
 */
export async function listEntries(
  entries: Iterable<FileSystemEntry> | AsyncIterable<FileSystemEntry>,
  { entries: maxEntries = MAX_ENTRIES, pathBytes: maxPathBytes = 256 * 1024 ** 2 }: ListLimits = {},
): Promise<readonly ListedEntry[]> {
  // Latin-1 keeps each byte of a path as one character: such keys are equal when the bytes are.
  const list = new Map<string, ListedEntry>()
  let bytes = 0
  const add = (entry: ListedEntry): void => {
    const key = entry.path.toString('latin1')
    if (list.has(key)) throw refused(entry.path, 'it stands there twice')
    bytes += key.length
    if (list.size === maxEntries) throw refused(entry.path, `there are more than ${maxEntries} entries`)
    if (bytes > maxPathBytes) throw refused(entry.path, `there are more than ${maxPathBytes} bytes of paths`)
    list.set(key, entry)
  }
  for await (const entry of entries) add(listed(entry))
  for (const [key, { path }] of [...list]) {
    for (let end = key.lastIndexOf('/'); end !== -1; end = key.lastIndexOf('/', end - 1)) {
      const parent = list.get(key.slice(0, end))
      if (parent === undefined) add(listed({ path: path.subarray(0, end), type: 'directory' }))
      else if (parent.type !== 'directory')
        throw refused(path, `${shownPath(parent.path)} is a ${parent.type}, and nothing can lie in it`)
      // What is listed already has its own parents checked.
      else break
    }
  }
  return [...list.values()].sort((a, b) => a.path.compare(b.path))
}

function listed(entry: FileSystemEntry): ListedEntry {
  const path = entryPath(entry.path)
  const { mode = entry.type === 'directory' ? 0o755 : entry.type === 'symlink' ? 0o777 : 0o644 } = entry
  const { uid = 0, gid = 0 } = entry
  if (!isNumber(mode, 0o7777)) throw refused(path, `its mode is ${mode}`)
  if (!isNumber(uid) || !isNumber(gid)) throw refused(path, `its owner is ${uid}:${gid}`)
  if (entry.type === 'symlink') checkTarget(path, entry.target)
  if ('major' in entry && !(isNumber(entry.major) && isNumber(entry.minor)))
    throw refused(path, `its device is ${entry.major}:${entry.minor}`)
  return { ...entry, path, mode, uid, gid }
}

function checkTarget(path: Buffer, target: Uint8Array | string): void {
  const bytes = Buffer.from(target)
  if (bytes.length === 0) throw refused(path, 'a symbolic link to nothing')
  if (bytes.includes(0)) throw refused(path, 'a symbolic link to a name with a NUL')
  if (bytes.length > MAX_PATH) throw refused(path, `a symbolic link to a path of ${bytes.length} bytes`)
}

function isNumber(value: number, max = MAX_NUMBER): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}

function refused(path: Uint8Array, why: string): FormatError {
  return new FormatError('ERR_ROOT_FILE_SYSTEM', `${shownPath(path)} cannot be written: ${why}`)
}
