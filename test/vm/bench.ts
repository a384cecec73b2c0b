/** Bytes over AF_VSOCK in a guest, on the kernel and the QEMU of tier 2: kernels of enclaves are as new. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onEveryWayOut, removeFolder, temporaryFolder } from '../../debian/cleanup.js'
import { requirePlatform } from '../../debian/platform.js'
import { kernel, NITRO } from '../../reference-image/kernel.js'
import type { Result } from '../bench/result.js'
import { boot, expectSuccess, onceMoreIfHung } from './guest.js'
import { writeInitramfs } from './initramfs.js'
import { microvm } from './machines.js'
import { busybox, firmware } from './products.js'
import { programOf } from './programs.js'
import { nitroQemu } from './qemu-build.js'

/** @throws Skipped where there can be no guest */
export async function benchInGuest(): Promise<readonly Result[]> {
  onEveryWayOut()
  requirePlatform()
  const { image, modules } = await kernel(NITRO)
  const contents = { program: await programOf('bench'), busybox: await busybox(), modules }
  const bios = await firmware()
  const qemu = await nitroQemu()
  const folder = temporaryFolder(tmpdir(), 'nitro-vm-')
  let results: readonly Result[] | undefined
  try {
    const token = randomUUID()
    const ramdisk = join(folder, 'initramfs')
    await writeInitramfs(ramdisk, { ...contents, token })
    const onLine = (line: string) => {
      const [, json] = /^results (\[.*\])/.exec(line) ?? []
      if (json !== undefined) results = JSON.parse(json) as Result[]
    }
    const machine = { name: 'guest', qemu, args: microvm(image, ramdisk, bios), token, onLine }
    await onceMoreIfHung(async () => {
      const guest = await boot(machine)
      await expectSuccess('bench', guest.exitCode).finally(guest.stop)
    })
  } finally {
    removeFolder(folder)
  }
  if (results === undefined) throw new Error('the guest printed no results')
  return results
}
