/** Products that take long to make, kept outside the checkout and named by the recipe that made them. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { removeFolder, temporaryFolder } from './cleanup.js'
import { step } from './steps.js'

const MAKING = '.making-'
const ABANDONED_AFTER = 3_600_000

export function cacheFolder(): string {
  const { NITRO_VM_CACHE, XDG_CACHE_HOME } = process.env
  return NITRO_VM_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'nitro-enclave-sdk', 'vm')
}

export interface Recipe {
  readonly name: string
  /** What is printed when it is made. */
  readonly title: string
  /** The source file that says how: the product is made anew when its text changes. */
  readonly source: URL
  /** What else it depends on. */
  readonly parts?: readonly string[]
  make(folder: string): Promise<void>
}

/** @returns the folder of the whole product: a run that was interrupted leaves none */
export async function cached({ name, title, source, parts = [], make }: Recipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([readFileSync(source, 'utf8'), ...parts]))
  const cache = cacheFolder()
  const product = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(product)) return product
  mkdirSync(cache, { recursive: true })
  removeAbandoned(cache)
  const making = temporaryFolder(cache, MAKING)
  try {
    await step(title, () => make(making))
    moveInto(making, product)
  } finally {
    removeFolder(making)
  }
  return product
}

/** Another run may have made the same in the meantime: the first one stays. */
function moveInto(making: string, product: string): void {
  try {
    renameSync(making, product)
  } catch (error) {
    if (!existsSync(product)) throw error
  }
}

/** Left by runs that were killed. */
function removeAbandoned(cache: string): void {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith(MAKING))) {
    const folder = join(cache, name)
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > ABANDONED_AFTER) rmSync(folder, { recursive: true, force: true })
  }
}
