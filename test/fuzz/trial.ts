/** One input, tried: what came of it, and what it cost. */
import { getHeapStatistics } from 'node:v8'
import type { NitroEnclaveError } from '../../shared/errors.js'
import type { CurrentInputWriter } from './current-input.js'
import type { Finding, FindingKind } from './finding.js'
import type { Target } from './target.js'

const MAX_MESSAGE = 4_096
const MEBIBYTE = 2 ** 20

export interface TrialLimits {
  /** Bytes that an input may make the heap and its buffers grow by. */
  readonly memory: number
  /** Milliseconds of CPU from which an input counts as slow. */
  readonly slow: number
}

export interface Trial {
  readonly finding?: Finding
  /** Milliseconds of CPU, when they are more than the limit, and again at a second try. */
  readonly slow?: number
}

export class Tester {
  readonly #target: Target
  readonly #current: CurrentInputWriter
  readonly #limits: TrialLimits

  constructor(target: Target, current: CurrentInputWriter, limits: TrialLimits) {
    this.#target = target
    this.#current = current
    this.#limits = limits
  }

  async try(input: Uint8Array): Promise<Trial> {
    const first = await this.#once(input)
    if (first.finding !== undefined) return first
    const slow = first.cpu > this.#limits.slow
    const large = first.memory > this.#limits.memory
    if (!slow && !large) return {}
    // A collection, or the first compilation, may have fallen into it: once more, from a clean heap.
    globalThis.gc?.()
    const second = await this.#once(input)
    if (large && second.memory > this.#limits.memory) {
      const grown = `${Math.round(second.memory / MEBIBYTE)} MiB more in use after it`
      return { finding: { kind: 'memory', message: grown, input } }
    }
    return slow && second.cpu > this.#limits.slow ? { slow: second.cpu } : {}
  }

  async #once(input: Uint8Array): Promise<{ finding?: Finding; cpu: number; memory: number }> {
    this.#current.begin(input)
    const given = Uint8Array.from(input)
    const memory = memoryInUse()
    const cpu = process.cpuUsage()
    const start = performance.now()
    const failure = await this.#failure(given)
    // Asked for only where it can matter: the clock is cheaper.
    const spent =
      performance.now() - start > this.#limits.slow ? process.cpuUsage(cpu) : { user: 0, system: 0 }
    const changed = Buffer.compare(given, input) !== 0
    const message = failure ?? (changed ? 'the input was written to' : undefined)
    const kind: FindingKind = failure === undefined ? 'changed input' : 'error'
    return {
      cpu: (spent.user + spent.system) / 1000,
      memory: memoryInUse() - memory,
      ...(message !== undefined && { finding: { kind, message, input } }),
    }
  }

  async #failure(input: Uint8Array): Promise<string | undefined> {
    try {
      const result = this.#target.run(input)
      if (result instanceof Promise) await result
      return undefined
    } catch (error) {
      return this.#isRefusal(error) ? unfit(error.message) : told(error)
    }
  }

  #isRefusal(error: unknown): error is NitroEnclaveError {
    return this.#target.refusals.some(
      (refusal) => error instanceof refusal.class && refusal.code.test(error.code),
    )
  }
}

/** A refusal is read by people: nothing of the input may drive their terminals, forge a line, or go on for pages. */
function unfit(message: string): string | undefined {
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(message)) return 'a refusal that holds control characters'
  return message.length > MAX_MESSAGE ? 'a refusal of more than 4,096 characters' : undefined
}

function memoryInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** Its name, its message, and where it was thrown. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`
  const place = /\n\s+at (.*)/.exec(error.stack ?? '')?.[1] ?? 'nowhere'
  const code = 'code' in error ? ` (${String(error.code)})` : ''
  return `${error.name}${code}: ${error.message.split('\n', 1)[0]?.slice(0, 200)} at ${place}`
}
