/** From a root file system and a folder of blobs to all that an enclave image is built of. */
import { realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { UsageError } from '../../shared/errors.js'
import { fileError } from '../file-errors.js'
import type { Architecture } from '../format.js'
import { readOciImage } from '../oci/image.js'
import { type Blobs, readBlobs } from './blobs.js'
import { directoryEntries } from './directory.js'
import { type RamdiskOptions, writeRamdisks } from './ramdisks.js'

export interface RootFilesystemOptions {
  /** A directory: the root itself, or an OCI image layout (it has a file `oci-layout`). */
  readonly rootfs: string
  /** The folder of the kernel, its command line, init and drivers: nitro-cli's, or one of that form. */
  readonly blobs: string
  /** The program and its arguments; the image's Entrypoint and Cmd unless given. */
  readonly command?: readonly string[]
  /** `NAME=value` each; the image's Env, or nothing, unless given. */
  readonly env?: readonly string[]
  /** An existing folder outside `rootfs`, which gets the ramdisks and the contents of an image's layers. */
  readonly folder: string
}

export interface PreparedRootFilesystem {
  /** Paths of files. */
  readonly kernel: string
  readonly ramdisks: readonly string[]
  readonly commandLine: string
  /** The kernel's; an image for another one is refused. */
  readonly architecture: Architecture
  /** Of an OCI image: what `docker inspect` says, without times. */
  readonly dockerInfo?: unknown
  /** What the image asks for and init does not do, a sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Writes an enclave image's two ramdisks. Equal input gives equal bytes, on any machine.
 * Throws UsageError ERR_USAGE, FormatError ERR_OCI_IMAGE, ERR_ROOT_FILE_SYSTEM.
 */
export async function prepareRootFilesystem(options: RootFilesystemOptions): Promise<PreparedRootFilesystem> {
  const blobs = await readBlobs(options.blobs)
  const { kernel, commandLine, architecture } = blobs
  const { dockerInfo, warnings, ...ramdisk } = await sourceOf(options, blobs)
  const ramdisks = await writeRamdisks({ blobs, folder: options.folder, ...ramdisk })
  return { kernel, commandLine, architecture, ramdisks, warnings, ...(dockerInfo && { dockerInfo }) }
}

interface Source extends Pick<RamdiskOptions, 'root' | 'command' | 'env'> {
  readonly warnings: readonly string[]
  readonly dockerInfo?: object
}

async function sourceOf(options: RootFilesystemOptions, { architecture }: Blobs): Promise<Source> {
  const { rootfs, folder, command, env } = options
  if (await isLayout(rootfs)) {
    const image = await readOciImage({ layout: rootfs, architecture, folder })
    return {
      root: image.entries(),
      command: command ?? image.command,
      env: env ?? image.env,
      dockerInfo: image.dockerInfo,
      warnings: warningsOf(image),
    }
  }
  if (command === undefined)
    throw new UsageError(
      'ERR_USAGE',
      `${rootfs} is a plain directory and names no command: give one to start`,
    )
  await checkOutside(rootfs, folder)
  return { root: directoryEntries(rootfs), command, env: env ?? [], warnings: [] }
}

async function isLayout(rootfs: string): Promise<boolean> {
  const stats = await stat(rootfs).catch((error: unknown) => {
    throw fileError('read', rootfs, error)
  })
  if (!stats.isDirectory()) {
    throw new UsageError(
      'ERR_USAGE',
      `${rootfs} is no directory: unpack an archive first (skopeo copy oci-archive:FILE oci:DIR)`,
    )
  }
  return await stat(join(rootfs, 'oci-layout')).then(
    (found) => found.isFile(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw fileError('read', join(rootfs, 'oci-layout'), error)
    },
  )
}

/** Else the image would have the ramdisk in it that is being written. */
async function checkOutside(rootfs: string, folder: string): Promise<void> {
  const [root, work] = [await realpath(rootfs), await realpath(folder)]
  if (work === root || work.startsWith(root.endsWith(sep) ? root : `${root}${sep}`))
    throw new UsageError('ERR_USAGE', `the work folder ${folder} lies in the root file system ${rootfs}`)
}

function warningsOf(image: {
  workingDirectory: string | undefined
  user: string | undefined
}): readonly string[] {
  const { workingDirectory, user } = image
  const warnings: string[] = []
  if (workingDirectory !== undefined && workingDirectory !== '/')
    warnings.push(`the image's WORKDIR ${workingDirectory} is not used: init starts the command in /`)
  if (user !== undefined && !/^(?:root|0)(?::(?:root|0))?$/.test(user))
    warnings.push(`the image's USER ${user} is not used: init starts the command as root`)
  return warnings
}
