/**
 * A layer's tar archive as changes to a tree (OCI image specification, layer.md). No path in it ever touches this
 * machine's file system: files' contents go to the spool. What the parser would pass over or read in a way of its own
 * (sparse files, unknown types, names that are not UTF-8) is refused; extended attributes are dropped, for a ramdisk has
 * none.
 */
import { Parser, type ReadEntry } from 'tar'
import { FormatError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'
import { MAX_PATH, shownPath } from '../root/entry-path.js'
import type { LayerChange, Standing } from './layered-tree.js'
import type { Budget } from './limits.js'
import type { Spool } from './spool.js'

/** Whiteouts (layer.md, "Whiteouts"). */
const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const BLOCK = 512
/** How gzip (RFC 1952) and zstd (RFC 8878) begin. */
const COMPRESSED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])]
const MAGIC = 4

/** Throws FormatError ERR_OCI_IMAGE, which shows the path; UsageError ERR_USAGE when the spool cannot be written. */
export async function readLayer(
  tar: AsyncIterable<Uint8Array>,
  spool: Spool,
  budget: Budget,
): Promise<readonly LayerChange[]> {
  const changes: LayerChange[] = []
  const parser = new Parser()
  let ended = false
  let metadata: string[] = []
  parser.on('eof', () => {
    ended = true
  })
  parser.on('meta', (text) => metadata.push(text))
  parser.on('warn', (code, message) => {
    // Its word for an archive without entries.
    if (ended && changes.length === 0 && code === 'TAR_BAD_ARCHIVE') return
    throw refused(`a layer is not a tar archive: ${message}`)
  })
  parser.on('ignoredEntry', (entry) => {
    throw refused(`${shownPath(entry.path)} in a layer is of a type that is not read (${typeOf(entry)})`)
  })
  parser.on('entry', (entry) => {
    checkMetadata(entry, metadata)
    metadata = []
    budget.entry()
    budget.path(entry.path, entry.linkpath ?? '')
    const offset = spool.position
    entry.on('data', (chunk: Buffer) => spool.push(chunk))
    changes.push(changeOf(entry, () => spool.content(offset, entry.size)))
  })
  let size = 0
  for await (const chunk of notCompressed(tar)) {
    size += chunk.length
    budget.bytes(chunk.length)
    // After its end the parser would only keep what it is given.
    if (!ended) parser.write(Buffer.from(chunk))
    await spool.flush()
  }
  if (size % BLOCK !== 0) throw refused('a layer is cut off')
  parser.end()
  return changes
}

function changeOf(
  entry: ReadEntry,
  content: () => Extract<Standing, { type: 'file' }>['content'],
): LayerChange {
  const path = normal(entry.path, entry)
  const name = path.slice(path.lastIndexOf('/') + 1)
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')))
  if (folder.split('/').some((step) => step.startsWith(WHITEOUT))) throw odd(entry, 'it lies in a whiteout')
  if (name === OPAQUE) return { kind: 'opaque', path: folder }
  if (name.startsWith(WHITEOUT)) {
    const removed = name.slice(WHITEOUT.length)
    // `.wh..wh.` is where AUFS kept its own files.
    if (['', '.', '..'].includes(removed) || removed.startsWith(WHITEOUT))
      throw odd(entry, 'a whiteout of nothing')
    return { kind: 'whiteout', path: folder === '' ? removed : `${folder}/${removed}` }
  }
  if (entry.type !== 'Link') return { kind: 'put', path, standing: standingOf(entry, content) }
  checkBodiless(entry)
  return { kind: 'hard link', path, target: normal(entry.linkpath ?? '', entry) }
}

function standingOf(
  entry: ReadEntry,
  content: () => Extract<Standing, { type: 'file' }>['content'],
): Standing {
  const { mode = 0, uid = 0, gid = 0, linkpath: target = '', header } = entry
  const attributes = { mode: mode & 0o7777, uid, gid }
  if (entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile')
    return { ...attributes, type: 'file', content: content() }
  checkBodiless(entry)
  switch (entry.type) {
    case 'Directory':
      return { ...attributes, type: 'directory' }
    case 'SymbolicLink':
      checkUtf8(target, entry)
      return { ...attributes, type: 'symlink', target }
    case 'FIFO':
      return { ...attributes, type: 'fifo' }
    case 'CharacterDevice':
    case 'BlockDevice': {
      const { devmaj: major = 0, devmin: minor = 0 } = header
      // Overlayfs's own whiteout; and what the parser makes of a device in an archive of GNU's old format.
      if (major === 0 && minor === 0) throw odd(entry, 'a device 0:0')
      const type = entry.type === 'BlockDevice' ? 'block device' : 'character device'
      return { ...attributes, type, major, minor }
    }
    default:
      throw odd(entry, `its type is not read (${typeOf(entry)})`)
  }
}

/** The path from the root, whether or not it was given as `./…` or `/…`: in an image nothing lies outside. */
function normal(path: string, entry: ReadEntry): string {
  const steps = path.split('/').filter((step) => step !== '' && step !== '.')
  if (steps.includes('..')) throw odd(entry, 'a path with ..')
  checkUtf8(path, entry)
  const normalized = steps.join('/')
  if (Buffer.byteLength(normalized) > MAX_PATH) throw odd(entry, `a path of more than ${MAX_PATH} bytes`)
  return normalized
}

/** The parser puts U+FFFD in the place of what it cannot decode. */
function checkUtf8(text: string, entry: ReadEntry): void {
  if (text.includes('\ufffd')) throw odd(entry, 'a name that is not UTF-8')
}

/**
 * What the parser passes over in extended headers (pax(1), "pax Extended Header"): sparse files, whose contents stand
 * otherwise in the archive; names with a line break, which it does not find; settings for all later entries.
 */
function checkMetadata(entry: ReadEntry, texts: readonly string[]): void {
  for (const text of texts) {
    for (const line of text.split('\n')) {
      const [, length = '', key = ''] = /^(\d+) ([^=]+)=/.exec(line) ?? []
      if (key.startsWith('GNU.sparse.')) throw odd(entry, 'a sparse file')
      if (
        ['path', 'linkpath', 'size', 'uid', 'gid'].includes(key) &&
        Buffer.byteLength(line) + 1 !== Number(length)
      )
        throw odd(entry, `a ${key} with a line break`)
    }
  }
  const { path, linkpath, size, uid, gid } = entry.globalExtended ?? {}
  if ([path, linkpath, size, uid, gid].some((value) => value !== undefined))
    throw odd(entry, 'an extended header for all entries')
}

/** A header of another type than a file's must not claim bytes: programs differ in whether they follow. */
function checkBodiless(entry: ReadEntry): void {
  if (entry.size !== 0) throw odd(entry, `a ${typeOf(entry)} with ${entry.size} bytes`)
}

/** The parser would take compressed bytes for what they are, and read them outside all limits. */
async function* notCompressed(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start = Buffer.alloc(0)
  for await (const chunk of tar) {
    if (start.length >= MAGIC) {
      yield chunk
      continue
    }
    start = Buffer.concat([start, chunk])
    if (start.length < MAGIC) continue
    if (COMPRESSED.some((magic) => start.subarray(0, magic.length).equals(magic)))
      throw refused('a layer is compressed, though its media type says that it is not')
    yield start
  }
}

function typeOf({ type, header }: ReadEntry): string {
  return type ?? shown(header.typeKey)
}

function odd(entry: ReadEntry, what: string): FormatError {
  return refused(`${shownPath(entry.path)} in a layer: ${what}`)
}

function refused(why: string): FormatError {
  return new FormatError('ERR_OCI_IMAGE', why)
}
