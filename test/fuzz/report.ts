/** What a run says: a line of progress now and then, and a table at its end. */
import type { Summary } from './supervise.js'

/** Milliseconds between two lines of progress. */
const EVERY = 10_000

export class ProgressReport {
  readonly #running = new Map<string, Summary>()
  #told = performance.now()

  update(summary: Summary): void {
    this.#running.set(summary.name, summary)
    if (performance.now() < this.#told + EVERY) return
    this.#told = performance.now()
    const lines = [...this.#running.values()].map(
      ({ name, inputs, corpus, blocks }) => `${name} ${inputs} inputs, corpus ${corpus}, ${blocks} blocks`,
    )
    process.stderr.write(`… ${lines.join('; ')}\n`)
  }

  end(name: string): void {
    this.#running.delete(name)
  }
}

const COLUMNS = ['target', 'inputs', 'a second', 'corpus', 'blocks', 'findings', 'over 50 ms', 'slowest ms']

export function table(summaries: readonly Summary[]): string {
  const rows = summaries.map(({ name, inputs, milliseconds, corpus, blocks, findings, slow, slowest }) => [
    name,
    ...[inputs, Math.round(inputs / (milliseconds / 1000) || 0), corpus, blocks, findings, slow].map(String),
    slow === 0 ? '' : String(Math.round(slowest)),
  ])
  const widths = COLUMNS.map((column, i) =>
    Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return [COLUMNS, ...rows].map((row) => `${line(row).trimEnd()}\n`).join('')
}
