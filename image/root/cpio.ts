/**
 * The archive that a kernel unpacks as its first root: cpio, "newc" (Linux,
 * Documentation/driver-api/early-userspace/buffer-format.rst). Equal entries give equal bytes: nothing in it comes
 * from a clock, an inode table or an order in which a directory was read.
 */
import { FormatError } from '../../shared/errors.js'
import { type ListedEntry, listEntries } from './entry-list.js'
import { shownPath } from './entry-path.js'
import { openContent } from './file-content.js'
import type { FileSystemEntry } from './file-system-entry.js'

/** Types in `mode` (inode(7)). */
const TYPES: Readonly<Record<FileSystemEntry['type'], number>> = {
  fifo: 0o010000,
  'character device': 0o020000,
  directory: 0o040000,
  'block device': 0o060000,
  file: 0o100000,
  symlink: 0o120000,
}
/** The name that ends an archive. */
const TRAILER = 'TRAILER!!!'
/** Sizes are fields of 32 bits. */
const MAX_SIZE = 0xffff_ffff

/**
 * The archive, chunk by chunk: entries in the order of their paths' bytes, each parent before its children, parents
 * that are missing made as directories of mode 0755, owned by root. Modification times are 0, inode numbers count
 * from 1, hard links are separate files. Files are read while the archive is. Throws FormatError ERR_ROOT_FILE_SYSTEM
 * and, for a file that cannot be read, UsageError ERR_USAGE; both show the path.
 */
export async function* cpio(
  entries: Iterable<FileSystemEntry> | AsyncIterable<FileSystemEntry>,
): AsyncGenerator<Uint8Array> {
  let inode = 0
  for (const entry of await listEntries(entries)) {
    inode += 1
    if (entry.path.equals(Buffer.from(TRAILER)))
      throw refused(entry, 'the kernel takes a file of this name for the end of the archive')
    if (entry.type === 'file') yield* file(entry, entry.content, inode)
    else if (entry.type === 'symlink') yield* symlink(entry, Buffer.from(entry.target), inode)
    else yield header(entry, inode, 0)
  }
  yield header({ path: Buffer.from(TRAILER), type: undefined, mode: 0, uid: 0, gid: 0 }, 0, 0)
}

type FileContent = Extract<FileSystemEntry, { type: 'file' }>['content']

async function* file(entry: ListedEntry, content: FileContent, inode: number): AsyncGenerator<Uint8Array> {
  const open = await openContent(content)
  try {
    if (open.size > MAX_SIZE) throw refused(entry, `a file of ${open.size} bytes, at most ${MAX_SIZE} fit`)
    yield header(entry, inode, open.size)
    yield* open.chunks()
    yield padding(open.size)
  } finally {
    await open.close()
  }
}

function* symlink(entry: ListedEntry, target: Buffer, inode: number): Generator<Uint8Array> {
  yield header(entry, inode, target.length)
  yield target
  yield padding(target.length)
}

interface Head {
  readonly path: Buffer
  readonly type: FileSystemEntry['type'] | undefined
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly major?: number
  readonly minor?: number
}

function header(entry: Head, inode: number, size: number): Buffer {
  const { path, uid, gid, major = 0, minor = 0 } = entry
  const mode = entry.mode | (entry.type === undefined ? 0 : TYPES[entry.type])
  const [links, time, check] = [1, 0, 0]
  const [ownMajor, ownMinor] = [0, 0]
  const nameSize = path.length + 1
  const fields = [inode, mode, uid, gid, links, time, size, ownMajor, ownMinor, major, minor, nameSize, check]
  const numbers = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([numbers, path, Buffer.alloc(1), padding(numbers.length + nameSize)])
}

/** Names and contents end on a multiple of four bytes. */
function padding(size: number): Buffer {
  return Buffer.alloc((4 - (size % 4)) % 4)
}

function refused({ path }: Head, why: string): FormatError {
  return new FormatError('ERR_ROOT_FILE_SYSTEM', `${shownPath(path)} cannot be written: ${why}`)
}
