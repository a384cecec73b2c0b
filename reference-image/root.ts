/** The root file system of the enclave: Node, the program, its addon and libraries, what it trusts; nothing else. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONFIGURATION_FILE, parseConfiguration, TLS_ROOTS_FILE } from '../enclave/configuration.js'
import { amazonTrustAnchors } from '../enclave/kms/trust-anchors.js'
import { bundleEnclave } from './bundle.js'
import { librariesOf } from './libraries.js'
import type { Trust } from './trust.js'

/** Oldest Node in an image: the addon and the program run on older ones, which get no more fixes. */
const OLDEST_NODE = 24
/** Where the enclave's init mounts what a process expects to find. */
const MOUNT_POINTS = ['dev', 'proc', 'run', 'sys', 'tmp', 'var']
const COMPILED = fileURLToPath(new URL('../native/build/Release/', import.meta.url))

/** Lays it out in `root`, from the Node that runs this. Throws UsageError ERR_ENCLAVE_CONFIG. */
export async function layOutRoot(root: string, { tlsRoots, ...configuration }: Trust): Promise<void> {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
    throw new Error(`an image takes Node ${OLDEST_NODE} or newer, not ${process.version}`)
  const json = `${JSON.stringify(configuration, null, 2)}\n`
  const roots = tlsRoots ?? `${amazonTrustAnchors().join('\n')}\n`
  // Wrong arguments end the build, not the enclave.
  parseConfiguration(json, roots)

  // Modes are measured, too.
  process.umask(0o022)
  const place = (path: string): string => {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true })
    return target
  }
  for (const name of MOUNT_POINTS) mkdirSync(join(root, name), { recursive: true })
  writeFileSync(place(`enclave/${CONFIGURATION_FILE}`), json)
  writeFileSync(place(`enclave/${TLS_ROOTS_FILE}`), roots)
  await bundleEnclave(place('enclave/main.mjs'))
  const binaries = { [process.execPath]: 'bin/node', [addon()]: 'enclave/addon.node' }
  for (const [binary, path] of Object.entries(binaries)) {
    copyFileSync(binary, place(path))
    // Symbols that only a debugger reads: a seventh of Node.
    execFileSync('strip', ['--strip-unneeded', join(root, path)])
    chmodSync(join(root, path), 0o755)
  }
  const libraries = Object.keys(binaries).flatMap(librariesOf)
  for (const library of new Set(libraries)) copyFileSync(library, place(library))
}

function addon(): string {
  const [name, ...more] = readdirSync(COMPILED).filter((file) => file.endsWith('.node'))
  if (name === undefined || more.length > 0)
    throw new Error(`not one addon in ${COMPILED}: npm run native compiles it`)
  return join(COMPILED, name)
}
