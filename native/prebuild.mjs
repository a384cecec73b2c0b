/**
 * `make prebuilds`: the binaries that the published package brings along, in native/prebuilds. Tagged with their C
 * library: elsewhere (Alpine's musl) the installation compiles. To be run by npm, which brings node-gyp along.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = dirname(fileURLToPath(import.meta.url))
const prebuildify = join(dirname(createRequire(import.meta.url).resolve('prebuildify')), 'bin.js')
const TOOLS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

const build = (arch) => {
  // A copy: the build among the sources stays this machine's own.
  const copy = mkdtempSync(join(tmpdir(), 'prebuild-'))
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {}
  const tools = {
    CC: `${TOOLS[arch]}-gcc`,
    CXX: `${TOOLS[arch]}-gcc`,
    PREBUILD_STRIP_BIN: `${TOOLS[arch]}-strip`,
  }
  try {
    cpSync(directory, copy, { recursive: true, filter: (path) => !/\/(build|prebuilds)(\/|$)/.test(path) })
    const { status } = spawnSync(
      process.execPath,
      [
        prebuildify,
        '--napi',
        '--strip',
        '--tag-libc',
        '--arch',
        arch,
        '--name',
        'nitro-enclave-sdk',
        '--out',
        directory,
      ],
      { cwd: copy, env: { ...process.env, ...headers, ...tools }, stdio: 'inherit' },
    )
    if (status !== 0) throw new Error(`no binary for ${arch}: is ${tools.CC} installed?`)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const wanted = process.argv.slice(2)
for (const arch of wanted.length > 0 ? wanted : Object.keys(TOOLS)) build(arch)
