/** An input that breaks a promise, as a file that anybody can replay. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { TARGETS } from './targets.js'

const kinds = z.enum(['error', 'hang', 'crash', 'memory', 'changed input'])
export type FindingKind = z.infer<typeof kinds>

export interface Finding {
  readonly kind: FindingKind
  /** What happened, one line. */
  readonly message: string
  readonly input: Uint8Array
}

/** Equal for findings of one cause, mostly: numbers differ from one input to the next. */
export function essenceOf({ kind, message }: Finding): string {
  return `${kind} ${message.replace(/\d+/g, '#')}`
}

const findingFile = z.object({
  target: z.string().refine((name) => TARGETS.some((one) => one === name)),
  seed: z.int(),
  kind: kinds,
  message: z.string(),
  hex: z.string().regex(/^(?:[0-9a-f]{2})*$/),
})
export type FindingFile = z.infer<typeof findingFile>

/** Writes it into `folder`, by a name that its bytes decide, and gives the path. */
export function writeFinding(folder: string, target: string, seed: number, finding: Finding): string {
  const { kind, message, input } = finding
  const name = createHash('sha256').update(input).digest('hex').slice(0, 16)
  const path = join(folder, `${target}-${name}.json`)
  const file: FindingFile = { target, seed, kind, message, hex: Buffer.from(input).toString('hex') }
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`)
  return path
}

/** Throws an Error for a file that cannot be read or is no finding. */
export function readFinding(path: string): FindingFile {
  const text = readFileSync(path, 'utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // As any other file that writeFinding did not write.
  }
  const { data } = findingFile.safeParse(value)
  if (data === undefined) throw new Error(`${path} is no finding; each names its file when it is made`)
  return data
}
