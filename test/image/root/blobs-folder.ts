/** A folder of blobs, for tests that only look at where they go. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/cli.js'

export const BLOBS: Readonly<Record<string, string>> = {
  bzImage: 'kernel',
  cmdline: 'reboot=k panic=30 pci=off\n',
  init: '#!init',
  'nsm.ko': 'driver',
}

export function blobsFolder(files: Readonly<Record<string, string>> = BLOBS): string {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}
