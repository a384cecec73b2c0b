/** The kept corpus of a target: a folder of files, each named by the hash of its bytes. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Inputs, and bytes in all. */
const MAX_INPUTS = 2_000
const MAX_BYTES = 16 * 1024 * 1024
const NAME = /^[0-9a-f]{40}$/

/** Not in the project: what third parties' vectors were mutated to stays out of it. */
export function defaultCorpusFolder(): string {
  const cache = process.env.XDG_CACHE_HOME
  return join(
    cache === undefined || cache === '' ? join(homedir(), '.cache') : cache,
    'nitro-enclave-sdk',
    'fuzz',
  )
}

export class CorpusStore {
  readonly #folder: string
  #inputs = 0
  #bytes = 0

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** By name, the shortest first: where two reach the same, the shorter one is to stay. */
  read(maxLength: number): ReadonlyMap<string, Uint8Array> {
    const files = readdirSync(this.#folder)
      .filter((name) => NAME.test(name))
      .map((name) => ({ name, size: statSync(join(this.#folder, name)).size }))
      .filter(({ size }) => size <= maxLength)
      .sort((a, b) => a.size - b.size || (a.name < b.name ? -1 : 1))
      .slice(0, MAX_INPUTS)
    return new Map(files.map(({ name }) => [name, new Uint8Array(readFileSync(join(this.#folder, name)))]))
  }

  /** Keeps it, as long as there is room. */
  keep(input: Uint8Array): void {
    if (this.#inputs >= MAX_INPUTS || this.#bytes + input.length > MAX_BYTES) return
    this.#inputs += 1
    this.#bytes += input.length
    const name = createHash('sha256').update(input).digest('hex').slice(0, 40)
    writeFileSync(join(this.#folder, name), input)
  }

  drop(name: string): void {
    rmSync(join(this.#folder, name), { force: true })
  }
}
