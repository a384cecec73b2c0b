/** What runs in the guests and beside them: bundles of the files in guest/, and the addon they load. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './guest/bundle.js'
import type { File, Program } from './initramfs.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** @returns the bundle of test/vm/guest/NAME.ts */
export async function bundled(name: string): Promise<string> {
  const file = join(ROOT, 'build/vm', `${name}.mjs`)
  await bundle(join(ROOT, 'test/vm/guest', `${name}.ts`), file)
  return file
}

export async function programOf(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  return { name, bundle: await bundled(name), files: addon(), environment }
}

/** Beside the program, as in the checkout. */
function addon(): readonly File[] {
  const binaries = join(ROOT, 'native/build/Release')
  const names = existsSync(binaries) ? readdirSync(binaries).filter((name) => name.endsWith('.node')) : []
  if (names.length === 0) throw new Error('the native addon is not built')
  const paths = [...names.map((name) => `native/build/Release/${name}`), 'native/binding.gyp']
  return [...paths, 'node_modules/node-gyp-build'].map((path) => ({
    hostPath: join(ROOT, path),
    guestPath: `/test/${path}`,
  }))
}
