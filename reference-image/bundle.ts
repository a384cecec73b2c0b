/**
 * The enclave's program: everything that it imports, and nothing that an enclave has no use for. What it imports
 * dynamically stands beside it in files of their own, so that it has begun before they are read.
 */
import { basename, dirname } from 'node:path'
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

/** @returns what went into it; `outfile` ends in `.mjs`; `entry`: another program than the reference application */
export async function bundleEnclave(outfile: string, entry = ENTRY): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [entry],
    outdir: dirname(outfile),
    entryNames: basename(outfile, '.mjs'),
    outExtension: { '.js': '.mjs' },
    splitting: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Modules before CommonJS, of which nothing can be left out.
    mainFields: ['module', 'main'],
    plugins: [replacing],
    banner: { js: BANNER },
    // Names in stack traces, and licences, stay readable: keepNames would set each at run time.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
  })
  return metafile
}
