/**
 * A QEMU with the nitro-enclave machine: Debian builds its own without libcbor, so without that machine. Only the
 * virtual devices of that machine are built, from the upstream source that Debian's package carries.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled } from '../../debian/apt-install.js'
import { downloadSource, unpack } from '../../debian/apt-suite.js'
import { cached } from '../../debian/cache.js'
import { removeFolder } from '../../debian/cleanup.js'
import { run } from '../../debian/run.js'

const NEEDED = [
  ...[
    'gcc',
    'libc6-dev',
    'ninja-build',
    'pkg-config',
    'python3',
    'python3-setuptools',
    'python3-venv',
    'xz-utils',
  ],
  ...['libcbor-dev', 'libfdt-dev', 'libglib2.0-dev', 'libgnutls28-dev', 'libpixman-1-dev', 'zlib1g-dev'],
]
const DEVICES = ['PCI_DEVICES=n', 'MICROVM=y', 'NITRO_ENCLAVE=y', 'VIRTIO_NSM=y', 'VHOST_USER_VSOCK=y']
const CONFIGURE = [
  ...['--target-list=x86_64-softmmu', '--without-default-features', '--without-default-devices'],
  ...[
    '--with-devices-x86_64=nitro',
    '--enable-system',
    '--enable-tcg',
    '--enable-gnutls',
    '--enable-libcbor',
  ],
  ...['--enable-vhost-user', '--enable-fdt=system', '--disable-docs', '--disable-install-blobs'],
]
const BINARY = 'qemu-system-x86_64'

export async function nitroQemu(): Promise<string> {
  // The same packages bring the libraries that the binary needs when it comes from the cache.
  await ensureInstalled(NEEDED)
  const folder = await cached({
    name: 'qemu-nitro',
    title: 'building QEMU with the nitro-enclave machine (2 to 5 minutes)',
    source: new URL(import.meta.url),
    // The library versions it is linked to.
    parts: [/^VERSION_ID=.*$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[0] ?? ''],
    make: build,
  })
  return join(folder, BINARY)
}

async function build(product: string): Promise<void> {
  const work = mkdtempSync(join(product, 'work-'))
  // Bookworm's meson is too old for it.
  const python = join(work, 'python')
  await unpack('bookworm-backports', ['meson', 'python3-pycotap'], python)
  const source = await unpackSource(work)

  const devices = DEVICES.map((line) => `CONFIG_${line}\n`).join('')
  writeFileSync(join(source, 'configs/devices/x86_64-softmmu/nitro.mak'), devices)
  // Firmware that Debian leaves out of the source, and that no machine here needs.
  const firmware = join(source, 'pc-bios/meson.build')
  writeFileSync(firmware, readFileSync(firmware, 'utf8').replace('if unpack_edk2_blobs', 'if false'))

  const cwd = mkdtempSync(join(source, 'build-'))
  const env = { PYTHONPATH: join(python, 'usr/lib/python3/dist-packages') }
  await run('../configure', CONFIGURE, { cwd, env })
  await run('ninja', ['-j', String(availableParallelism()), BINARY], { cwd, env })
  copyFileSync(join(cwd, BINARY), join(product, BINARY))
  await run('strip', [join(product, BINARY)])
  removeFolder(work)
}

async function unpackSource(folder: string): Promise<string> {
  const archives = mkdtempSync(join(folder, 'archives-'))
  await downloadSource('bookworm-backports', 'qemu', archives)
  const [archive] = readdirSync(archives)
  if (archive === undefined) throw new Error('the source package of QEMU has no tar file')
  const unpacked = mkdtempSync(join(folder, 'source-'))
  await run('tar', ['-xf', join(archives, archive), '--strip-components=1', '-C', unpacked])
  return unpacked
}
