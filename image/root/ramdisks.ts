/**
 * The two ramdisks of an enclave image, laid as nitro-cli lays them (aws-nitro-enclaves-cli,
 * enclave_build/src/yaml_generator.rs): the first boots, the second holds the application. Both are cpio archives,
 * compressed by gzip.
 */
import { join } from 'node:path'
import { FormatError } from '../../shared/errors.js'
import type { Blobs } from './blobs.js'
import { type Command, commandFiles } from './command.js'
import { cpio } from './cpio.js'
import { shownPath } from './entry-path.js'
import type { FileSystemEntry } from './file-system-entry.js'
import { gzipToFile } from './gzip.js'

export interface RamdiskOptions extends Command {
  readonly blobs: Blobs
  /** The root file system, without its root: that is root's, with mode 0755, whatever it was elsewhere. */
  readonly root: Iterable<FileSystemEntry> | AsyncIterable<FileSystemEntry>
  /** Gets `ramdisk-1.cpio.gz` and `ramdisk-2.cpio.gz`. */
  readonly folder: string
}

/** The directory that init makes its root. */
const ROOT = 'rootfs'
/** Directories that init mounts something on, and /var, with their modes where the file system has none. */
const MOUNT_POINTS: Readonly<Record<string, number>> = {
  dev: 0o755,
  proc: 0o755,
  run: 0o755,
  sys: 0o755,
  tmp: 0o1777,
  var: 0o755,
}

/**
 * Writes both ramdisks and gives their paths. Equal input gives equal bytes.
 * Throws FormatError ERR_ROOT_FILE_SYSTEM, UsageError ERR_USAGE.
 */
export async function writeRamdisks({
  blobs,
  root,
  folder,
  ...command
}: RamdiskOptions): Promise<readonly string[]> {
  const files = commandFiles(command)
  const ramdisks = [join(folder, 'ramdisk-1.cpio.gz'), join(folder, 'ramdisk-2.cpio.gz')] as const
  await gzipToFile(cpio(bootEntries(blobs)), ramdisks[0])
  await gzipToFile(cpio(applicationEntries(files, root)), ramdisks[1])
  return ramdisks
}

function* bootEntries({ init, nsm, modules }: Blobs): Generator<FileSystemEntry> {
  const driver = (path: string, file: string): FileSystemEntry => ({ path, type: 'file', content: { file } })
  yield { path: 'dev', type: 'directory' }
  yield { path: 'init', type: 'file', mode: 0o755, content: { file: init } }
  yield driver('nsm.ko', nsm)
  for (const { name, file } of modules) yield driver(`modules/${name}`, file)
}

async function* applicationEntries(
  files: ReturnType<typeof commandFiles>,
  root: RamdiskOptions['root'],
): AsyncGenerator<FileSystemEntry> {
  yield { path: 'cmd', type: 'file', content: files.cmd }
  yield { path: 'env', type: 'file', content: files.env }
  yield { path: ROOT, type: 'directory' }
  const missing = new Map(Object.entries(MOUNT_POINTS))
  for await (const entry of root) {
    const name = Buffer.from(entry.path).toString('latin1')
    if (missing.delete(name) && entry.type !== 'directory' && entry.type !== 'symlink') {
      throw new FormatError(
        'ERR_ROOT_FILE_SYSTEM',
        `${shownPath(entry.path)} is a ${entry.type}: init needs a directory`,
      )
    }
    yield { ...entry, path: Buffer.concat([Buffer.from(`${ROOT}/`), Buffer.from(entry.path)]) }
  }
  for (const [name, mode] of missing) yield { path: `${ROOT}/${name}`, type: 'directory', mode }
}
