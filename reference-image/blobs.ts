/**
 * The parts of an enclave image that are the same for every program: Debian's kernel for clouds, its modules that an
 * enclave needs, and the init of image/init.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureInstalled } from '../debian/apt-install.js'
import { cached } from '../debian/cache.js'
import { run } from '../debian/run.js'
import { type Kernel, kernel, NITRO } from './kernel.js'

const INIT = fileURLToPath(new URL('../image/init', import.meta.url))
/** In the order of insertion. What they run on is built into other kernels. */
const MODULES = ['virtio_mmio', 'vsock', 'vmw_vsock_virtio_transport_common', 'vmw_vsock_virtio_transport']
/** Ends the enclave when the kernel panics, and at once; the processor's random numbers spare the wait for others. */
const COMMAND_LINE = 'console=ttyS0 edd=off loglevel=3 panic=-1 reboot=t random.trust_cpu=1'

/**
 * @param folder takes a copy; files of that layout that are there already are replaced
 * @returns the folder with bzImage, cmdline, init, nsm.ko, and in modules/ NN-NAME.ko in the order of insertion
 * @throws Skipped where Debian's packages cannot be had
 */
export async function makeBlobs(folder?: string): Promise<string> {
  const linux = await kernel(NITRO)
  const product = await cached({
    name: 'blobs',
    title: "putting together an enclave's kernel, modules and init",
    source: new URL(import.meta.url),
    parts: [linux.image, ...sourcesOfInit()],
    make: (making) => make(making, linux),
  })
  if (folder === undefined) return product
  rmSync(join(folder, 'modules'), { recursive: true, force: true })
  cpSync(product, folder, { recursive: true })
  // The cache's folder is its owner's alone.
  chmodSync(folder, 0o755)
  return folder
}

async function make(product: string, { image, modules }: Kernel): Promise<void> {
  const module = (name: string): string => {
    const found = modules.find((path) => basename(path) === `${name}.ko`)
    if (found === undefined) throw new Error(`the kernel was unpacked without its module ${name}`)
    return found
  }
  copyFileSync(image, join(product, 'bzImage'))
  writeFileSync(join(product, 'cmdline'), COMMAND_LINE)
  mkdirSync(join(product, 'modules'))
  for (const [index, name] of MODULES.entries()) {
    const number = String(index + 1).padStart(2, '0')
    copyFileSync(module(name), join(product, 'modules', `${number}-${name}.ko`))
  }
  copyFileSync(module('nsm'), join(product, 'nsm.ko'))
  await ensureInstalled(['gcc', 'libc6-dev'])
  await run(join(INIT, 'build.sh'), [join(product, 'init')])
}

function sourcesOfInit(): readonly string[] {
  const names = readdirSync(INIT).sort()
  return names.map((name) => `${name}\n${readFileSync(join(INIT, name), 'utf8')}`)
}
