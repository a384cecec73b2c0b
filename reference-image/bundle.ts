/** The enclave's program as one file: everything that it imports, and nothing that an enclave has no use for. */
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'

const ENTRY = fileURLToPath(new URL('../enclave/main.ts', import.meta.url))

/** Dependencies in CommonJS call require(). */
const BANNER = `import { createRequire as bundledRequire } from 'node:module'
const require = bundledRequire(import.meta.url)`

/** Modules that give way to others in an image. */
const REPLACED: readonly (readonly [path: RegExp, replacement: string])[] = [
  // It would ask environment, profiles, processes and the instance for credentials: an enclave's are handed to it.
  [/^@aws-sdk\/credential-provider-node$/, 'no-credential-chain.ts'],
  // The addon stands beside the program.
  [/\/load-binary\.js$/, 'load-addon.ts'],
]

const replacing: Plugin = {
  name: 'replacing',
  setup({ onResolve }) {
    for (const [filter, replacement] of REPLACED) {
      onResolve({ filter }, () => ({ path: fileURLToPath(new URL(replacement, import.meta.url)) }))
    }
  },
}

/** @returns what went into it */
export async function bundleEnclave(outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    plugins: [replacing],
    banner: { js: BANNER },
    minify: true,
    // Names in stack traces, and licences, stay readable.
    keepNames: true,
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
  })
  return metafile
}
