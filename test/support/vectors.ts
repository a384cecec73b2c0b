import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, it } from 'vitest'

const directory = resolve(process.env.VECTORS_DIR ?? '../shared/vectors')
const required = process.env.CI === 'true'

/** The folder of third-party vectors, when it is there. */
export const vectorsDir: string | undefined = existsSync(directory) ? directory : undefined

/** A `describe` for tests that need the vectors: skipped loudly without them, failing in CI. */
export function withVectors(name: string, suite: (directory: string) => void): void {
  if (vectorsDir !== undefined) {
    const found = vectorsDir
    describe(name, () => suite(found))
  } else if (required) {
    it(name, () => {
      throw new Error('the third-party vectors are missing: set VECTORS_DIR')
    })
  } else {
    describe.skip(`${name} (skipped: no vectors)`, () => {
      it('needs VECTORS_DIR', () => undefined)
    })
  }
}

export function readVector(directory: string, path: string): Uint8Array {
  return readFileSync(resolve(directory, path))
}

export function readJsonVector<T>(directory: string, path: string): T {
  return JSON.parse(readFileSync(resolve(directory, path), 'utf8')) as T
}
