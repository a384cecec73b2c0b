/**
 * Runs when the package is installed. A binary for this machine may have come with the package; otherwise node-gyp
 * compiles one. Where neither works the installation succeeds all the same: only AF_VSOCK and /dev/nsm need it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)

/** Whether a binary can be loaded; in a process of its own, which a broken one may end. */
const works = () => {
  const script = `require(${JSON.stringify(require.resolve('node-gyp-build'))})(${JSON.stringify(directory)})`
  return spawnSync(process.execPath, ['-e', script], { stdio: 'ignore' }).status === 0
}

/** npm names its own node-gyp; the headers beside this node, where there are any, spare a download. */
const compile = () => {
  const nodeGyp = process.env.npm_config_node_gyp
  if (!nodeGyp) return 'no npm, so no node-gyp'
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : []
  const { status, stderr } = spawnSync(process.execPath, [nodeGyp, 'rebuild', '--silent', ...headers], {
    cwd: directory,
    encoding: 'utf8',
    // The compiler's words, were there any, but no download that hangs.
    timeout: 300_000,
  })
  if (status === 0) return undefined
  return lastLine(stderr) ?? 'node-gyp failed'
}

const lastLine = (text) =>
  text
    .split('\n')
    .findLast((line) => /(error|ERR!).*\w/i.test(line))
    ?.trim()

const rebuild = process.argv.includes('--rebuild')
if (process.platform === 'linux' && (rebuild || !works())) {
  const cause = compile() ?? (works() ? undefined : 'what was built cannot be loaded')
  if (cause !== undefined) {
    process.stderr.write(
      `nitro-enclave-sdk: no native addon (${cause}): AF_VSOCK and /dev/nsm cannot be used, all else can. ` +
        'To build it: Python 3, make, a C compiler, then npm rebuild nitro-enclave-sdk.\n',
    )
  }
}
