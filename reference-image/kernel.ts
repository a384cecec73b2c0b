/** Debian's kernels for clouds, with the few modules that a guest needs. */
import { copyFileSync, mkdtempSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ensureInstalled } from '../debian/apt-install.js'
import { dependency, type Suite, unpack } from '../debian/apt-suite.js'
import { cached } from '../debian/cache.js'
import { removeFolder } from '../debian/cleanup.js'
import { run } from '../debian/run.js'

export interface Kernel {
  readonly image: string
  /** In the order of insertion. */
  readonly modules: readonly string[]
}

interface Choice {
  readonly suite: Suite
  readonly version: RegExp
  readonly modules: readonly string[]
}

const VSOCK = ['vsock', 'vmw_vsock_virtio_transport_common', 'vsock_loopback']

/** AF_VSOCK with nobody but itself to talk to. Debian's QEMU 7.2 runs this kernel; 6.12 panics on it now and then. */
export const LOOPBACK: Choice = { suite: 'bookworm', version: /^linux-image-6\.1\./, modules: VSOCK }

/** Devices on the virtio bus: vsock with a peer, and the Nitro Secure Module (in Linux since 6.8). */
export const NITRO: Choice = {
  suite: 'bookworm-backports',
  version: /^linux-image-6\.12\./,
  modules: ['virtio_mmio', ...VSOCK, 'vmw_vsock_virtio_transport', 'nsm'],
}

export async function kernel(choice: Choice): Promise<Kernel> {
  const { suite, version, modules } = choice
  const folder = await cached({
    name: `linux-${suite}`,
    title: `unpacking the kernel of ${suite}`,
    source: new URL(import.meta.url),
    parts: [suite, version.source, ...modules],
    make: (product) => make(product, choice),
  })
  return { image: join(folder, 'vmlinuz'), modules: modules.map((name) => join(folder, `${name}.ko`)) }
}

async function make(product: string, { suite, version, modules }: Choice): Promise<void> {
  await ensureInstalled(['xz-utils'])
  const root = mkdtempSync(join(product, 'root-'))
  await unpack(suite, [await dependency(suite, 'linux-image-cloud-amd64', version)], root)
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const name = basename(file)
    if (/^vmlinuz-/.test(name)) copyFileSync(join(root, file), join(product, 'vmlinuz'))
    // bookworm's modules are plain files, later ones are compressed: busybox's insmod wants them plain.
    const [, module = '', packed] = /^(\w+)\.ko(\.xz)?$/.exec(name) ?? []
    if (!modules.includes(module)) continue
    copyFileSync(join(root, file), join(product, name))
    if (packed !== undefined) await run('xz', ['-d', join(product, name)])
  }
  removeFolder(root)
}
