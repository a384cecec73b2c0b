/** Survivors by what they change, not by where: lines move. */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

/** As Stryker reports it: lines and columns count from 1. */
export interface Mutant {
  readonly fileName: string
  readonly replacement?: string
  readonly location: { readonly start: Position; readonly end: Position }
}

interface Position {
  readonly line: number
  readonly column: number
}

export interface Survivor {
  readonly file: string
  /** Where it begins, without the blanks around it. */
  readonly line: string
  /** `original -> replacement`, each in one line and cut short. */
  readonly change: string
}

/** Why nobody can notice it, or why no test does; and which. */
interface Explanation {
  readonly why: string
  readonly survivors: readonly Survivor[]
}

const LONGEST = 100

export function survivorOf({ fileName, replacement = '', location: { start, end } }: Mutant): Survivor {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line)
  const line = lines[0] ?? ''
  const last = (lines.at(-1) ?? '').slice(0, end.column - 1)
  const original = [...lines.slice(0, -1), last].join('\n').slice(start.column - 1)
  return {
    file: relative('.', fileName),
    line: line.trim(),
    change: `${inOneLine(original)} -> ${inOneLine(replacement)}`,
  }
}

export interface Comparison {
  readonly unexplained: readonly Survivor[]
  /** What is explained, and yet no survivor: a test notices it now, or the code is another. */
  readonly outdated: readonly Survivor[]
}

/** `files`: those that were mutated. */
export function compared(mutants: readonly Mutant[], files: ReadonlySet<string>): Comparison {
  const text = readFileSync(new URL('survivors.json', import.meta.url), 'utf8')
  const explained = (JSON.parse(text) as Explanation[]).flatMap(({ survivors }) => survivors)
  const found = mutants.map(survivorOf)
  return {
    unexplained: without(found, explained),
    outdated: without(explained, found).filter(({ file }) => files.has(file)),
  }
}

function without(all: readonly Survivor[], these: readonly Survivor[]): readonly Survivor[] {
  const ids = new Set(these.map(idOf))
  return all.filter((survivor) => !ids.has(idOf(survivor)))
}

const idOf = ({ file, line, change }: Survivor): string => JSON.stringify([file, line, change])

function inOneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
