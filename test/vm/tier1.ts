/** Tier 1: real AF_VSOCK in one guest that talks to itself, by Debian's own QEMU. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled } from '../../debian/apt-install.js'
import { removeFolder, temporaryFolder } from '../../debian/cleanup.js'
import { step } from '../../debian/steps.js'
import { kernel, LOOPBACK } from '../../reference-image/kernel.js'
import { boot, expectSuccess, onceMoreIfHung } from './guest.js'
import { type Program, writeInitramfs } from './initramfs.js'
import { microvm } from './machines.js'
import { busybox } from './products.js'

export async function tier1(program: Program, bootTimeout?: number): Promise<void> {
  await ensureInstalled(['qemu-system-x86'])
  const { image, modules } = await kernel(LOOPBACK)
  const userland = await busybox()
  const folder = temporaryFolder(tmpdir(), 'nitro-vm-')
  try {
    const token = randomUUID()
    const ramdisk = join(folder, 'initramfs')
    await writeInitramfs(ramdisk, { program, busybox: userland, modules, token })
    const machine = {
      name: 'guest',
      qemu: 'qemu-system-x86_64',
      args: microvm(image, ramdisk),
      token,
      bootTimeout,
    }
    await step(`running ${program.name} in a guest`, () =>
      onceMoreIfHung(async () => {
        const guest = await boot(machine)
        await expectSuccess(program.name, guest.exitCode).finally(guest.stop)
      }),
    )
  } finally {
    removeFolder(folder)
  }
}
