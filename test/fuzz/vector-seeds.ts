/** Third parties' vectors as seeds, where they are: read at run time, and no byte of them in the project. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const directory = resolve(process.env.VECTORS_DIR ?? '../shared/vectors')

/** Every file of a folder, or none. */
export function vectorsIn(folder: string): readonly Uint8Array[] {
  const path = resolve(directory, folder)
  if (!existsSync(path)) return []
  return readdirSync(path)
    .sort()
    .filter((name) => !name.endsWith('.json') && !name.endsWith('.pem'))
    .map((name) => new Uint8Array(readFileSync(resolve(path, name))))
}

/** Every text of a JSON file that is the hex of something: the specifications' examples mostly are. */
export function hexIn(path: string): readonly Uint8Array[] {
  const file = resolve(directory, path)
  if (!existsSync(file)) return []
  const texts = readFileSync(file, 'utf8').match(/(?<=")(?:[0-9a-fA-F]{2})+(?=")/g) ?? []
  return [...new Set(texts)].map((hex) => new Uint8Array(Buffer.from(hex, 'hex')))
}
