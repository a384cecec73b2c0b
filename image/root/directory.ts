/** A directory tree of this machine as the entries of a root file system. */
import type { BigIntStats, PathLike } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { FormatError } from '../../shared/errors.js'
import { fileError } from '../file-errors.js'
import { shownPath } from './entry-path.js'
import type { FileSystemEntry } from './file-system-entry.js'

const SLASH = Buffer.from('/')

/**
 * What lies in the directory, in no order, and not the directory itself. Names are bytes, symbolic links stay links,
 * files that are hard links of each other become separate files; modes and owners are those of this machine. Throws
 * UsageError ERR_USAGE for what cannot be read, FormatError ERR_ROOT_FILE_SYSTEM for a socket; both show the path.
 */
export async function* directoryEntries(directory: string): AsyncGenerator<FileSystemEntry> {
  // A stack of its own: a tree may be deeper than calls may nest.
  const folders: { readonly host: Buffer; readonly path: Buffer }[] = [
    { host: Buffer.from(directory), path: Buffer.alloc(0) },
  ]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const names = await reading(folder.host, readdir(folder.host, { encoding: 'buffer' }))
    for (const name of names) {
      const host = Buffer.concat([folder.host, SLASH, name])
      const path = folder.path.length === 0 ? name : Buffer.concat([folder.path, SLASH, name])
      const entry = await entryOf(host, path)
      if (entry.type === 'directory') folders.push({ host, path })
      yield entry
    }
  }
}

async function entryOf(host: Buffer, path: Buffer): Promise<FileSystemEntry> {
  const stat = await reading(host, lstat(host, { bigint: true }))
  const attributes = {
    path,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
  }
  if (stat.isDirectory()) return { ...attributes, type: 'directory' }
  if (stat.isFile()) return { ...attributes, type: 'file', content: { file: host, size: Number(stat.size) } }
  if (stat.isSymbolicLink()) {
    const target = await reading(host, readlink(host as PathLike, { encoding: 'buffer' }))
    return { ...attributes, type: 'symlink', target }
  }
  if (stat.isFIFO()) return { ...attributes, type: 'fifo' }
  if (stat.isCharacterDevice()) return { ...attributes, type: 'character device', ...device(stat) }
  if (stat.isBlockDevice()) return { ...attributes, type: 'block device', ...device(stat) }
  throw refused(host, 'a socket is of use only to the process that made it. Remove it')
}

/** Linux's device numbers: 12 low bits of `major` and 8 of `minor`, then the rest of both (makedev(3)). */
function device({ rdev }: BigIntStats): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xffff_f000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffff_ff00n)),
  }
}

async function reading<T>(path: Buffer, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw fileError('read', shownPath(path), error)
  }
}

function refused(path: Buffer, why: string): FormatError {
  return new FormatError('ERR_ROOT_FILE_SYSTEM', `${shownPath(path)} cannot be part of an image: ${why}`)
}
