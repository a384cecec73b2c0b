/** One target, in a child process that is watched, and begun again after an input that ended it. */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChildMessage, ChildOptions } from './child.js'
import { CurrentInputReader } from './current-input.js'
import type { Progress } from './engine.js'
import { essenceOf, type Finding } from './finding.js'
import { watch } from './watchdog.js'

const MEBIBYTE = 2 ** 20
/** Bytes; the heap of a child in MiB: room for the product, its libraries and a corpus besides. */
export const MEMORY_LIMIT = 64 * MEBIBYTE
const OWN_HEAP = 192

export interface Limits {
  /** Milliseconds of CPU after which an input hangs. */
  readonly hang: number
  /** Bytes. */
  readonly memory: number
  /** Milliseconds of CPU. */
  readonly slow: number
}

export const LIMITS: Limits = { hang: 2_000, memory: MEMORY_LIMIT, slow: 50 }
/** Different findings of one run: what comes after them is more of the same. */
const MAX_FINDINGS = 5
/** Children that one run may lose. */
const MAX_DEATHS = 3

export interface Task {
  readonly name: string
  /** URL of the module that exports `target`. */
  readonly module: string
  readonly corpus: string
  readonly seed: number
  readonly inputs: number
  readonly milliseconds: number
  /** Ends with so many; 5 unless given. */
  readonly maxFindings?: number
  readonly limits?: Limits
  /** Hex of the only input to try. */
  readonly replay?: string
}

export interface Summary extends Progress {
  readonly name: string
  /** Of the engine itself, without the start of the process. */
  readonly milliseconds: number
}

export interface Listeners {
  readonly onProgress?: (summary: Summary) => void
  readonly onFinding?: (finding: Finding) => void
}

export async function supervise(task: Task, listeners: Listeners = {}): Promise<Summary> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
  try {
    let total = begun(task.name)
    const found = new Set<string>()
    const most = task.maxFindings ?? MAX_FINDINGS
    const report = (finding: Finding): void => {
      if (found.has(essenceOf(finding))) return
      found.add(essenceOf(finding))
      listeners.onFinding?.(finding)
    }
    for (let deaths = 0; deaths < MAX_DEATHS; deaths++) {
      const before = total
      const left = {
        ...task,
        seed: task.seed + deaths,
        inputs: task.inputs - before.inputs,
        milliseconds: task.milliseconds - before.milliseconds,
        maxFindings: most - found.size,
      }
      const end = await child(left, join(folder, 'current'), {
        onFinding: report,
        onProgress: (summary) => {
          total = { ...sum(before, summary), findings: found.size }
          listeners.onProgress?.(total)
        },
      })
      if (end === undefined) return total
      report(end)
      total = { ...total, findings: found.size }
      if (task.replay !== undefined || found.size >= most) return total
    }
    return total
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Gives the finding that ended the process, if one did. */
async function child(task: Task, path: string, listeners: Listeners): Promise<Finding | undefined> {
  const limits = task.limits ?? LIMITS
  const { name, module, corpus, seed, inputs, milliseconds, maxFindings = MAX_FINDINGS, replay } = task
  const options: ChildOptions = {
    module,
    corpus,
    seed,
    inputs,
    milliseconds,
    maxFindings,
    currentInput: path,
    limits,
    ...(replay !== undefined && { replay }),
  }
  writeFileSync(path, '')
  const heap = OWN_HEAP + Math.ceil(limits.memory / MEBIBYTE)
  const started = fork(new URL('./child.ts', import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--import', 'tsx', '--expose-gc', `--max-old-space-size=${heap}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const current = new CurrentInputReader(path)
  let hangs = false
  const stop = watch({ pid: started.pid ?? -1, limit: limits.hang, current }, () => {
    hangs = true
    started.kill('SIGKILL')
  })
  let words = ''
  started.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-8_192)
  })
  const begin = performance.now()
  let done = false
  started.on('message', (message: ChildMessage) => {
    if (message.type === 'finding') {
      const { kind, message: text, hex } = message
      listeners.onFinding?.({ kind, message: text, input: new Uint8Array(Buffer.from(hex, 'hex')) })
      return
    }
    done = message.type === 'done'
    listeners.onProgress?.({ ...message.progress, name, milliseconds: performance.now() - begin })
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    started.on('close', (...end) => resolve(end))
  })
  stop()
  const input = current.input()
  current.close()
  if (done) return undefined
  if (input === undefined) throw new Error(`${name}: the fuzzer itself failed (${code ?? signal}): ${words}`)
  if (hangs) return { kind: 'hang', message: `more than ${limits.hang} ms of CPU`, input }
  if (words.includes('heap out of memory')) return { kind: 'memory', message: 'the heap is full', input }
  return { kind: 'crash', message: lastWords(words, `ended by ${signal ?? `exit code ${code}`}`), input }
}

function lastWords(words: string, otherwise: string): string {
  return /^\S*Error.*$/m.exec(words)?.[0] ?? otherwise
}

function begun(name: string): Summary {
  return { name, milliseconds: 0, inputs: 0, corpus: 0, blocks: 0, findings: 0, slow: 0, slowest: 0 }
}

function sum(before: Summary, now: Summary): Summary {
  return {
    ...now,
    milliseconds: before.milliseconds + now.milliseconds,
    inputs: before.inputs + now.inputs,
    slow: before.slow + now.slow,
    slowest: Math.max(before.slowest, now.slowest),
  }
}
