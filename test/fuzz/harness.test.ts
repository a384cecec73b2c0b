import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Finding } from './finding.js'
import { LIMITS, type Summary, supervise, type Task } from './supervise.js'

let corpus: string
beforeEach(() => {
  corpus = mkdtempSync(join(tmpdir(), 'corpus-'))
})
afterEach(() => rmSync(corpus, { recursive: true }))

async function fuzzed(
  name: string,
  more: Partial<Task> = {},
): Promise<{ summary: Summary; findings: Finding[] }> {
  const findings: Finding[] = []
  const task: Task = {
    name,
    module: new URL(`./planted/${name}.ts`, import.meta.url).href,
    corpus,
    seed: 1,
    inputs: 5_000,
    milliseconds: 3_600_000,
    ...more,
  }
  const summary = await supervise(task, { onFinding: (finding) => void findings.push(finding) })
  return { summary, findings }
}

it('finds a branch that takes two steps, and makes its input small', async () => {
  const { findings, summary } = await fuzzed('branch', { inputs: 100_000, maxFindings: 1 })
  expect(findings).toEqual([
    { kind: 'error', message: expect.stringContaining('the bottom'), input: Uint8Array.of(0x4e, 0x53) },
  ])
  expect(summary.corpus).toBeGreaterThanOrEqual(2)
})

it('tells an error of another class or code from a refusal', async () => {
  const { findings } = await fuzzed('errors', { maxFindings: 2 })
  expect(findings.map(({ kind, message }) => [kind, message.split(' at ')[0]]).sort()).toEqual([
    ['error', 'FormatError (ERR_BER): of another format'],
    ['error', 'TypeError: not typed'],
  ])
})

it('ends what hangs, and knows the input', async () => {
  const { findings, summary } = await fuzzed('hang', { limits: { ...LIMITS, hang: 150 }, maxFindings: 1 })
  expect(findings.map(({ kind, input }) => [kind, input[0]])).toEqual([['hang', 0xff]])
  expect(summary.findings).toBe(1)
})

it('survives a process that ends, and knows its input', async () => {
  const { findings } = await fuzzed('crash', { maxFindings: 1 })
  expect(findings[0]).toMatchObject({ kind: 'crash', message: 'ended by SIGKILL' })
  expect(findings[0]?.input[0]).toBe(0xff)
})

it('finds what takes memory, on the heap or beside it', async () => {
  const { findings } = await fuzzed('memory', { maxFindings: 2 })
  expect(findings.map(({ kind, message }) => `${kind}: ${message.replace(/\d+/, 'n')}`)).toEqual(
    expect.arrayContaining(['memory: n MiB more in use after it', 'memory: the heap is full']),
  )
})

it('finds what writes to its input', async () => {
  const { findings } = await fuzzed('writes', { maxFindings: 1 })
  expect(findings.map(({ kind }) => kind)).toEqual(['changed input'])
})

it('keeps the corpus for the next run, and drops from it what reaches nothing of its own', async () => {
  await fuzzed('branch', { inputs: 2_000 })
  const kept = readdirSync(corpus)
  expect(kept.length).toBeGreaterThan(0)
  writeFileSync(join(corpus, 'f'.repeat(40)), Uint8Array.of(9, 9, 9, 9, 9, 9, 9))
  const { summary } = await fuzzed('branch', { inputs: 0 })
  expect(readdirSync(corpus).sort()).toEqual(kept.sort())
  expect(summary.corpus).toBe(1 + kept.length)
})

it('tries the same inputs for the same seed', async () => {
  const [one, two] = [
    await fuzzed('errors', { seed: 7, maxFindings: 2 }),
    await fuzzed('errors', { seed: 7, maxFindings: 2 }),
  ]
  expect(two.findings).toEqual(one.findings)
})
