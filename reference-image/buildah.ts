/** buildah, which builds images without a Docker engine; its images live in a folder of ours. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled } from '../debian/apt-install.js'
import { cacheFolder } from '../debian/cache.js'
import { run } from '../debian/run.js'

/** Runs one of its commands. @returns what it wrote to its standard output */
export async function buildah(command: string, ...args: readonly string[]): Promise<string> {
  await ensureInstalled(['buildah', 'ca-certificates'])
  const storage = join(cacheFolder(), 'containers')
  mkdirSync(storage, { recursive: true })
  const common = ['--root', join(storage, 'root'), '--runroot', join(storage, 'run')]
  return run('buildah', [...common, '--storage-driver', storageDriver(), command, ...args], {
    // The processes of a build run in a changed root, with this machine's network.
    env: { BUILDAH_ISOLATION: 'chroot' },
  })
}

/** Without overlayfs every layer is a copy of all below it: many times slower, and works everywhere. */
function storageDriver(): string {
  return readFileSync('/proc/filesystems', 'utf8').includes('overlay') ? 'overlay' : 'vfs'
}
