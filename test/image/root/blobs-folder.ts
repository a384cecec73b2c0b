/** A folder of blobs, for tests that only look at where they go. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/cli.js'
import { BZ_IMAGE } from '../kernels.js'

export type Files = Readonly<Record<string, string | Uint8Array>>

export const BLOBS: Files = {
  bzImage: BZ_IMAGE,
  cmdline: 'reboot=k panic=30 pci=off\n',
  init: '#!init',
  'nsm.ko': 'driver',
}

export function blobsFolder(files: Files = BLOBS): string {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}
