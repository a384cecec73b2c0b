/**
 * Which code has run, by V8's precise block coverage. A script's code is a row of characters, each of which has run or
 * not: V8 merges and splits its ranges from one call to the next, so that ranges themselves cannot be compared.
 */
import { type Profiler, Session } from 'node:inspector'

const ROOT = new URL('../../', import.meta.url).href
const PRODUCT = ['shared/', 'enclave/', 'image/', 'parent-proxy/']

interface Script {
  /** One byte a character: 1 when it has run. */
  seen: Uint8Array
  /** Where blocks begin. */
  readonly starts: Set<number>
}

/** What ran in one stretch, by the scripts' URLs. */
export type Stretch = ReadonlyMap<string, Uint8Array>

export class Coverage {
  readonly #session = new Session()
  #folders: readonly string[] = []
  readonly #scripts = new Map<string, Script>()

  /** Start it before the code that is to be covered is loaded: V8 counts blocks of what it compiles from then on. */
  constructor() {
    this.follow(PRODUCT)
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Folders, from the root of the project, whose code is looked at. */
  follow(folders: readonly string[]): void {
    this.#folders = folders.map((folder) => `${ROOT}${folder}`)
  }

  /** What ran since the last call. About a millisecond. */
  take(): Stretch {
    const stretch = new Map<string, Uint8Array>()
    for (const { url, functions } of this.#result()) {
      if (!this.#folders.some((folder) => url.startsWith(folder))) continue
      stretch.set(url, painted(functions))
      const script = this.#scripts.get(url) ?? { seen: new Uint8Array(0), starts: new Set() }
      this.#scripts.set(url, script)
      for (const { ranges } of functions) for (const { startOffset } of ranges) script.starts.add(startOffset)
    }
    return stretch
  }

  /** Whether anything of it had not run before. */
  isNew(stretch: Stretch): boolean {
    for (const [url, ran] of stretch) {
      const seen = this.#scripts.get(url)?.seen
      for (let at = 0; at < ran.length; at++) if (ran[at] === 1 && seen?.[at] !== 1) return true
    }
    return false
  }

  add(stretch: Stretch): void {
    for (const [url, ran] of stretch) {
      const script = this.#scripts.get(url)
      if (script === undefined) continue
      if (script.seen.length < ran.length) {
        const longer = new Uint8Array(ran.length)
        longer.set(script.seen)
        script.seen = longer
      }
      for (let at = 0; at < ran.length; at++) if (ran[at] === 1) script.seen[at] = 1
    }
  }

  /** Blocks and functions that have run. */
  get blocks(): number {
    let count = 0
    for (const { seen, starts } of this.#scripts.values()) {
      for (const start of starts) if (seen[start] === 1) count += 1
    }
    return count
  }

  #result(): readonly Profiler.ScriptCoverage[] {
    let scripts: readonly Profiler.ScriptCoverage[] = []
    // Within one thread the answer comes before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      scripts = answer.result
    })
    return scripts
  }
}

/** Outer ranges come first: inner ones correct them. */
function painted(functions: readonly Profiler.FunctionCoverage[]): Uint8Array {
  const ranges = functions.flatMap((one) => one.ranges)
  const ran = new Uint8Array(Math.max(0, ...ranges.map(({ endOffset }) => endOffset)))
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return ran
}
