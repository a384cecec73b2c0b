/**
 * The folder of what boots an enclave: a kernel, its command line, an init and the drivers. Names as nitro-cli has them
 * in /usr/share/nitro_enclaves/blobs (aws-nitro-enclaves-cli, src/lib.rs).
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../../shared/errors.js'
import { readUpTo, withFile } from '../byte-source.js'
import { fileError } from '../file-errors.js'
import type { Architecture } from '../format.js'

export interface Blobs {
  readonly architecture: Architecture
  /** Paths of files. */
  readonly kernel: string
  readonly init: string
  readonly nsm: string
  /** Of the kernel, without white space around it. */
  readonly commandLine: string
  /** In the order in which they are to be loaded; not nitro-cli's, empty unless the folder has `modules`. */
  readonly modules: readonly { readonly name: string; readonly file: string }[]
}

const KERNELS: Readonly<Record<Architecture, string>> = { x86_64: 'bzImage', aarch64: 'Image' }
const ARCHITECTURES = ['x86_64', 'aarch64'] as const satisfies readonly Architecture[]

/** Bytes of a command line's file: the kernel takes 2,048. */
const MAX_COMMAND_LINE = 64 * 1024

/** Throws UsageError ERR_USAGE, which names whatever is missing or cannot be read. */
export async function readBlobs(folder: string): Promise<Blobs> {
  const path = (name: string): string => join(folder, name)
  const found: Architecture[] = []
  for (const architecture of ARCHITECTURES) {
    if (await isFile(path(KERNELS[architecture]))) found.push(architecture)
  }
  const missing = found.length === 0 ? [`a kernel (${Object.values(KERNELS).join(' or ')})`] : []
  for (const name of ['cmdline', 'init', 'nsm.ko']) {
    if (!(await isFile(path(name)))) missing.push(name)
  }
  if (missing.length > 0) {
    throw new UsageError(
      'ERR_USAGE',
      `${folder} lacks ${missing.join(', ')}: nitro-cli's package aws-nitro-enclaves-cli-devel brings them ` +
        '(in /usr/share/nitro_enclaves/blobs), or `make blobs` makes them',
    )
  }
  const [architecture] = found
  if (architecture === undefined || found.length > 1)
    throw new UsageError('ERR_USAGE', `${folder} has the kernels of ${found.join(' and ')}: keep one`)
  return {
    architecture,
    kernel: path(KERNELS[architecture]),
    init: path('init'),
    nsm: path('nsm.ko'),
    commandLine: await commandLineOf(path('cmdline')),
    modules: await modulesOf(path('modules')),
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw fileError('read', path, error)
  }
}

async function commandLineOf(path: string): Promise<string> {
  return await withFile(path, async (source) => {
    if (source.size > MAX_COMMAND_LINE)
      throw new UsageError('ERR_USAGE', `${path} has ${source.size} bytes: that is no command line`)
    return (await readUpTo(source, 0, source.size)).toString('utf8').trim()
  })
}

/** Sorted by the bytes of their names: the order in which an init loads them. */
async function modulesOf(folder: string): Promise<Blobs['modules']> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw fileError('read', folder, error)
  })
  return names
    .filter((name) => name.endsWith('.ko'))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => ({ name, file: join(folder, name) }))
}
