/**
 * `make fuzz`: every target, two at a time, for a time or a number of inputs. Ends with 1 when anything was found;
 * each finding is in a file under build/fuzz, which REPLAY tries again.
 */

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readArguments } from './arguments.js'
import { readFinding, writeFinding } from './finding.js'
import { ProgressReport, table } from './report.js'
import { type Summary, supervise } from './supervise.js'
import { moduleOf } from './targets.js'

const FINDINGS = 'build/fuzz'
const ENDLESS = 2 ** 31

async function fuzz(args: ReturnType<typeof readArguments>): Promise<boolean> {
  const { targets, seed, inputs, seconds, corpus } = args
  const jobs = Math.min(Math.max(2, availableParallelism()), targets.length)
  const each = inputs === undefined ? `${seconds} s in all` : `${inputs} inputs each`
  process.stdout.write(`${targets.length} targets, ${each}, seed ${seed}, corpus in ${corpus}\n`)
  const milliseconds = inputs === undefined ? (seconds * 1000 * jobs) / targets.length : ENDLESS
  const progress = new ProgressReport()
  const summaries: Summary[] = []
  const waiting = [...targets]
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const task = {
        name,
        module: moduleOf(name),
        corpus: join(corpus, name),
        seed,
        inputs: inputs ?? ENDLESS,
        milliseconds,
      }
      const target = name
      const summary = await supervise(task, {
        onProgress: (now) => progress.update(now),
        onFinding: (finding) => {
          const path = writeFinding(FINDINGS, target, seed, finding)
          process.stdout.write(`${target}: ${finding.kind}: ${finding.message}\n  make fuzz REPLAY=${path}\n`)
        },
      })
      progress.end(name)
      summaries.push(summary)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  process.stdout.write(table(summaries.sort((a, b) => targets.indexOf(a.name) - targets.indexOf(b.name))))
  return summaries.every(({ findings }) => findings === 0)
}

async function replay(path: string, corpus: string): Promise<boolean> {
  const { target, seed, hex } = readFinding(path)
  const task = {
    name: target,
    module: moduleOf(target),
    corpus: join(corpus, target),
    seed,
    inputs: 1,
    milliseconds: ENDLESS,
  }
  const { findings, slow, slowest } = await supervise(
    { ...task, replay: hex },
    { onFinding: ({ kind, message }) => process.stdout.write(`${target}: ${kind}: ${message}\n`) },
  )
  if (slow > 0) process.stdout.write(`${target}: ${Math.round(slowest)} ms of CPU\n`)
  if (findings === 0) process.stdout.write(`${target}: nothing is wrong with this input any more\n`)
  return findings === 0
}

try {
  const args = readArguments(process.argv.slice(2))
  const isWell = args.replay === undefined ? await fuzz(args) : await replay(args.replay, args.corpus)
  process.exitCode = isWell ? 0 : 1
} catch (error) {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
