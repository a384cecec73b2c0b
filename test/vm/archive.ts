/** A guest's first root, by the product's own archive writer: every file may be run. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { cpio } from '../../image/root/cpio.js'

/** Path in the guest, from its root, to what stands there: text, or the path of a file here. */
export type Entries = ReadonlyMap<string, { readonly text: string } | { readonly file: string }>

export async function writeArchive(output: string, entries: Entries): Promise<void> {
  const files = [...entries].map(([path, entry]) => ({
    type: 'file' as const,
    path: path.slice(1),
    mode: 0o755,
    content: 'text' in entry ? entry.text : { file: entry.file },
  }))
  await pipeline(cpio(files), createWriteStream(output))
}
