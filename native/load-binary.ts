/** The addon's binary: one that came with the package or was compiled here. An enclave image has another way. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import load from 'node-gyp-build'

/** @throws Error when there is none for this machine */
export function loadBinary(): unknown {
  return load(findDirectory())
}

/** Where binding.gyp and the binaries are: among the sources, above dist/native, or beside a bundle. */
function findDirectory(): string {
  const here = new URL('.', import.meta.url)
  const places = [here, new URL('../../native/', here), new URL('native/', here)]
  const found = places.find((place) => existsSync(new URL('binding.gyp', place)))
  if (found === undefined) throw new Error('there is no folder native with binding.gyp beside this program')
  return fileURLToPath(found)
}
