/** The archive a kernel unpacks as its first root: cpio, "newc" (Documentation/driver-api/early-userspace/buffer-format). */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path/posix'

const DIRECTORY = 0o040755
const REGULAR_FILE = 0o100755

/** Path in the guest, from its root, to what stands there: text, or the path of a file here. */
export type Entries = ReadonlyMap<string, { readonly text: string } | { readonly file: string }>

export function writeCpio(output: string, entries: Entries): void {
  const target = openSync(output, 'w')
  try {
    let inode = 0
    const write = (path: string, mode: number, content: Uint8Array): void => {
      inode += 1
      writeSync(target, header(path, mode, inode, content.length))
      for (let at = 0; at < content.length; ) at += writeSync(target, content, at)
      writeSync(target, padding(content.length))
    }
    for (const folder of foldersOf(entries)) write(folder, DIRECTORY, new Uint8Array())
    for (const [path, entry] of entries) {
      const content = 'text' in entry ? Buffer.from(entry.text) : readFileSync(entry.file)
      write(path.slice(1), REGULAR_FILE, content)
    }
    inode = -1
    write('TRAILER!!!', 0, new Uint8Array())
  } finally {
    closeSync(target)
  }
}

/** Parents before their children, without the leading slash. */
function foldersOf(entries: Entries): readonly string[] {
  const folders = new Set<string>()
  for (const path of entries.keys()) {
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) folders.add(folder.slice(1))
  }
  return [...folders].sort()
}

function header(path: string, mode: number, inode: number, size: number): Buffer {
  const name = Buffer.from(`${path}\0`)
  const links = 1
  // inode, mode, user, group, links, time, size, device (major, minor), this device (major, minor), name, check
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name.length, 0]
  const numbers = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([numbers, name, padding(numbers.length + name.length)])
}

function padding(size: number): Buffer {
  return Buffer.alloc((4 - (size % 4)) % 4)
}
