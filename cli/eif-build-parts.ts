/** What an image is built of: files that are named one by one, or a root file system and the blobs that boot it. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve, sep } from 'node:path'
import type { Architecture, BuildEifOptions } from '../image/index.js'
import { UsageError } from '../shared/errors.js'
import { readInput, reason } from './input.js'

export interface PartFlags {
  kernel?: string
  cmdline?: string
  cmdlineFile?: string
  ramdisk?: readonly string[]
  rootfs?: string
  blobs?: string
  command?: readonly string[]
  env?: readonly string[]
  arch?: Architecture
  output: string
}

export interface Parts
  extends Pick<BuildEifOptions, 'kernel' | 'ramdisks' | 'commandLine' | 'architecture' | 'dockerInfo'> {
  /** The image's, when it is given none. */
  readonly name: string
  readonly warnings: readonly string[]
}

/** Gives the parts to `body`; what was made for them is gone afterwards. Throws UsageError, FormatError. */
export async function withParts<T>(
  flags: PartFlags,
  signal: AbortSignal,
  body: (parts: Parts) => Promise<T>,
): Promise<T> {
  checkFlags(flags)
  const { rootfs, blobs } = flags
  if (rootfs === undefined || blobs === undefined) return await body(await namedParts(flags))
  const folder = await temporaryFolder()
  try {
    const making = madeParts({ ...flags, rootfs, blobs }, folder)
    return await body(await Promise.race([making, aborted(signal)]))
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

function checkFlags({ kernel, ramdisk, rootfs, blobs, command, env, cmdline, cmdlineFile }: PartFlags): void {
  const excludes = (a: string, b: string) => new UsageError('ERR_USAGE', `${a} and ${b} exclude each other`)
  if (cmdline !== undefined && cmdlineFile !== undefined) throw excludes('--cmdline', '--cmdline-file')
  if (rootfs !== undefined) {
    if (kernel !== undefined) throw excludes('--rootfs', '--kernel')
    if (ramdisk !== undefined) throw excludes('--rootfs', '--ramdisk')
    if (blobs !== undefined) return
    throw new UsageError(
      'ERR_USAGE',
      '--rootfs takes --blobs: the folder of kernel, command line, init and nsm.ko',
    )
  }
  const needs = { '--blobs': blobs, '--command': command, '--env': env }
  const [alone] = Object.entries(needs).filter(([, value]) => value !== undefined)
  if (alone) throw new UsageError('ERR_USAGE', `${alone[0]} goes with --rootfs only`)
  if (kernel === undefined)
    throw new UsageError('ERR_USAGE', 'no kernel: --kernel FILE or --rootfs DIR names one')
  if (ramdisk === undefined)
    throw new UsageError('ERR_USAGE', 'no ramdisk: --ramdisk FILE or --rootfs DIR names one')
}

async function namedParts({ kernel = '', ramdisk = [], arch, ...flags }: PartFlags): Promise<Parts> {
  const commandLine = await commandLineOf(flags)
  if (commandLine === undefined) {
    throw new UsageError('ERR_USAGE', 'no command line: --cmdline TEXT or --cmdline-file FILE gives one')
  }
  return {
    kernel,
    ramdisks: ramdisk,
    commandLine,
    ...(arch && { architecture: arch }),
    name: basename(kernel),
    warnings: [],
  }
}

async function madeParts(
  { rootfs, blobs, command, env, arch, output, ...flags }: PartFlags & { rootfs: string; blobs: string },
  folder: string,
): Promise<Parts> {
  await checkOutside(output, rootfs)
  const given = await commandLineOf(flags)
  // Loaded when it is asked for: it brings tar and zod, which other commands do without.
  const { prepareRootFilesystem } = await import('../image/root/root-filesystem.js')
  const { architecture, commandLine, ...prepared } = await prepareRootFilesystem({
    rootfs,
    blobs,
    folder,
    ...(command && { command }),
    ...(env && { env }),
  })
  if (arch !== undefined && arch !== architecture) {
    throw new UsageError('ERR_USAGE', `the kernel in ${blobs} is for ${architecture}, not for ${arch}`)
  }
  return {
    ...prepared,
    commandLine: given ?? commandLine,
    architecture,
    name: basename(resolve(rootfs)),
  }
}

/** Of a file without the white space around it, as nitro-cli reads it. */
async function commandLineOf({
  cmdline,
  cmdlineFile,
}: Pick<PartFlags, 'cmdline' | 'cmdlineFile'>): Promise<string | undefined> {
  if (cmdlineFile === undefined) return cmdline
  const text = Buffer.from(await readInput(cmdlineFile))
    .toString('utf8')
    .trim()
  if (text === '') throw new UsageError('ERR_USAGE', `cannot use ${cmdlineFile}: it is empty`)
  return text
}

/** Else the next image would hold this one. */
async function checkOutside(output: string, rootfs: string): Promise<void> {
  const path = (name: string) => realpath(name).catch(() => resolve(name))
  const [root, target] = [await path(rootfs), await path(dirname(resolve(output)))]
  if (`${target}${sep}`.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) {
    throw new UsageError('ERR_USAGE', `the image ${output} would lie in its own root file system ${rootfs}`)
  }
}

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'nitro-enclave-eif-'))
  } catch (error) {
    throw new UsageError(
      'ERR_USAGE',
      `cannot make a folder in ${tmpdir()}: ${reason(error)}; set TMPDIR to one that is writable`,
    )
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
