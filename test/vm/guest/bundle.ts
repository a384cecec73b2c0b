/** One file of everything that a program imports, for machines that have Node and nothing else. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Dependencies in CommonJS call require(). */
const BANNER = `import { createRequire as bundledRequire } from 'node:module'
const require = bundledRequire(import.meta.url)`

/** Bundles the module at `entry` into `outfile` (.mjs); where it says vitest, the guest's stand-in is meant. */
export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    alias: { vitest: fileURLToPath(new URL('vitest.ts', import.meta.url)) },
    external: ['*.node'],
    banner: { js: BANNER },
    logLevel: 'warning',
  })
}
