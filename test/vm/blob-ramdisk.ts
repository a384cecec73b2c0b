/** A ramdisk of the default blobs: what both of an image's ramdisks hold, in one. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Entries, writeArchive } from './archive.js'

/** Text, the path of a file here, the name of a blob, or nothing at all in a usual file's place. */
type Change = string | { readonly file: string } | { readonly blob: string } | undefined

/** By their paths in the ramdisk. */
export type Changes = Readonly<Record<string, Change>>

export async function writeBlobRamdisk(
  output: string,
  blobs: string,
  busybox: string,
  changes: Changes,
): Promise<void> {
  const entries = new Map<string, { readonly text: string } | { readonly file: string }>()
  for (const name of ['init', 'nsm.ko', ...modulesOf(blobs)]) {
    entries.set(`/${name}`, { file: join(blobs, name) })
  }
  entries.set('/rootfs/bin/busybox', { file: busybox })
  for (const [path, change] of Object.entries(changes)) {
    if (change === undefined) entries.delete(path)
    else if (typeof change === 'string') entries.set(path, { text: change })
    else entries.set(path, 'blob' in change ? { file: join(blobs, change.blob) } : change)
  }
  await writeArchive(output, entries satisfies Entries)
}

function modulesOf(blobs: string): readonly string[] {
  return readdirSync(join(blobs, 'modules')).map((name) => `modules/${name}`)
}
