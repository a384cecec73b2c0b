/** Single files out of Debian packages. */
import { copyFileSync, mkdtempSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Suite, unpack } from '../../debian/apt-suite.js'
import { cached } from '../../debian/cache.js'
import { removeFolder } from '../../debian/cleanup.js'
import { Skipped } from '../../debian/outcome.js'
import { run } from '../../debian/run.js'

/** A static busybox, the guests' only userland beside Node. */
export async function busybox(): Promise<string> {
  return join(await filesOf('bookworm', ['busybox-static'], ['bin/busybox']), 'busybox')
}

/** What QEMU's microvm machines need before the kernel. */
export function firmware(): Promise<string> {
  const files = ['qemu/linuxboot_dma.bin', 'qemu/pvh.bin', 'seabios/bios-microvm.bin']
  return filesOf(
    'bookworm',
    ['qemu-system-data', 'seabios'],
    files.map((file) => `usr/share/${file}`),
  )
}

/** The other end of a guest's vsock, in user space. Only sid has it; its binary needs no more than bookworm's libc. */
export async function vhostDeviceVsock(): Promise<string> {
  const folder = await filesOf('sid', ['vhost-device-vsock'], ['usr/bin/vhost-device-vsock'])
  const binary = join(folder, 'vhost-device-vsock')
  await run(binary, ['--version']).catch((error: unknown) => {
    throw new Skipped(`vhost-device-vsock of sid does not run here: ${String(error)}`)
  })
  return binary
}

function filesOf(suite: Suite, packages: readonly string[], files: readonly string[]): Promise<string> {
  return cached({
    name: `${packages.join('-')}-${suite}`,
    title: `unpacking ${packages.join(' ')} of ${suite}`,
    source: new URL(import.meta.url),
    parts: [suite, ...packages, ...files],
    async make(folder) {
      const root = mkdtempSync(join(folder, 'root-'))
      await unpack(suite, packages, root)
      for (const file of files) copyFileSync(join(root, file), join(folder, basename(file)))
      removeFolder(root)
    },
  })
}
