/** An input that breaks a promise, as a file that anybody can replay. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type FindingKind = 'error' | 'hang' | 'crash' | 'memory' | 'changed input'

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

export interface FindingFile {
  readonly target: string
  readonly seed: number
  readonly kind: FindingKind
  readonly message: string
  readonly hex: string
}

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

export function readFinding(path: string): FindingFile {
  return JSON.parse(readFileSync(path, 'utf8')) as FindingFile
}
