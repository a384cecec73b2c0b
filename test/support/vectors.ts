import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { suiteWith } from './requirement.js'

const directory = resolve(process.env.VECTORS_DIR ?? '../shared/vectors')

/** The folder of third-party vectors, when it is there. */
export const vectorsDir: string | undefined = existsSync(directory) ? directory : undefined

/** Tests that need the vectors. */
export function withVectors(name: string, suite: (directory: string) => void): void {
  suiteWith(vectorsDir !== undefined, 'vectors (VECTORS_DIR)', name, () => suite(directory))
}

export function readVector(directory: string, path: string): Uint8Array {
  return readFileSync(resolve(directory, path))
}

export function readJsonVector<T>(directory: string, path: string): T {
  return JSON.parse(readFileSync(resolve(directory, path), 'utf8')) as T
}
