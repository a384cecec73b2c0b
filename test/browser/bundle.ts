/** Scripts for a page, bundled from the built package as a site would. */
import { resolve } from 'node:path'
import { build, type Metafile, type Plugin } from 'esbuild'

const project = resolve(import.meta.dirname, '../..')

/** The tests' own files are sources; what they import of the product is what was built. */
const builtProduct: Plugin = {
  name: 'built-product',
  setup({ onResolve }) {
    onResolve({ filter: /^(?:\.\.\/)+shared\/.*\.js$/ }, ({ path, importer, resolveDir }) => {
      if (!importer.startsWith(resolve(project, 'test/'))) return undefined
      const source = resolve(resolveDir, path)
      return { path: source.replace(resolve(project, 'shared/'), resolve(project, 'dist/shared/')) }
    })
  },
}

export interface Bundle {
  readonly script: string
  readonly metafile: Metafile
}

/** `source`: a module of the folder test/browser. Fails where something of Node is left in it. */
export async function bundle(source: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname, sourcefile: 'entry.ts', loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    absWorkingDir: project,
    logLevel: 'silent',
    plugins: [builtProduct],
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('nothing was bundled')
  return { script: output.text, metafile }
}
