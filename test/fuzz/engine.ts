/**
 * The loop: a batch of new inputs is tried, then the coverage is taken; only where it is new are the batch's halves
 * tried again, down to the inputs that made it so, which join the corpus.
 */
import { setImmediate } from 'node:timers/promises'
import { Corpus } from './corpus.js'
import type { CorpusStore } from './corpus-store.js'
import type { Coverage } from './coverage.js'
import type { CurrentInputWriter } from './current-input.js'
import { essenceOf, type Finding } from './finding.js'
import { minimize } from './minimize.js'
import { Mutation } from './mutate.js'
import { Random } from './random.js'
import type { Target } from './target.js'
import type { Tester } from './trial.js'

/** Inputs between two looks at the coverage: few while much is new. */
const LARGEST_BATCH = 64
export interface Progress {
  readonly inputs: number
  readonly corpus: number
  readonly blocks: number
  readonly findings: number
  /** Inputs over the limit of CPU, and the slowest one's milliseconds. */
  readonly slow: number
  readonly slowest: number
}

export interface EngineOptions {
  readonly target: Target
  readonly tester: Tester
  readonly coverage: Coverage
  readonly current: CurrentInputWriter
  readonly store: CorpusStore
  readonly seed: number
  /** Ends with the first of these. */
  readonly inputs: number
  readonly milliseconds: number
  readonly maxFindings: number
  /** Called after every batch. */
  readonly onProgress: () => void
  readonly onFinding: (finding: Finding) => void
}

export class Engine {
  readonly #options: EngineOptions
  readonly #corpus = new Corpus()
  /** Messages of what was found. */
  readonly #found = new Set<string>()
  #inputs = 0
  #slow = 0
  #slowest = 0

  constructor(options: EngineOptions) {
    this.#options = options
  }

  async run(): Promise<Progress> {
    const { seed, inputs, milliseconds, maxFindings, target, current } = this.#options
    const end = performance.now() + milliseconds
    await this.#plant()
    const mutation = new Mutation(target, this.#corpus, new Random(seed))
    let size = 1
    while (this.#inputs < inputs && performance.now() < end && this.#found.size < maxFindings) {
      current.idle()
      const batch = Array.from({ length: Math.min(size, inputs - this.#inputs) }, () => mutation.next())
      const isNew = await this.#batch(batch)
      size = isNew ? Math.max(1, size >> 1) : Math.min(LARGEST_BATCH, size * 2)
      this.#options.onProgress()
      // Else a process without a parent would never hear of it.
      await setImmediate()
    }
    return this.progress
  }

  get progress(): Progress {
    const { coverage } = this.#options
    return {
      inputs: this.#inputs,
      corpus: this.#corpus.size,
      blocks: coverage.blocks,
      findings: this.#found.size,
      slow: this.#slow,
      slowest: this.#slowest,
    }
  }

  /** What was kept, as far as it still reaches something of its own, and the target's own seeds. */
  async #plant(): Promise<void> {
    const { store, target, coverage } = this.#options
    coverage.add(coverage.take())
    const kept = store.read(target.maxLength)
    const seeds = await target.seeds()
    // Seeds first: they are there anyway, and need not be kept.
    for (const seed of seeds) {
      await this.#once(seed)
      coverage.add(coverage.take())
      this.#corpus.add(seed)
    }
    for (const [name, input] of kept) {
      await this.#once(input)
      const ran = coverage.take()
      if (coverage.isNew(ran)) {
        coverage.add(ran)
        this.#corpus.add(input)
        store.keep(input)
      } else store.drop(name)
    }
  }

  async #batch(inputs: readonly Uint8Array[]): Promise<boolean> {
    const { coverage } = this.#options
    // Whatever made the inputs has run code of the product, too.
    coverage.take()
    for (const input of inputs) await this.#once(input)
    this.#inputs += inputs.length
    const ran = coverage.take()
    if (!coverage.isNew(ran)) return false
    await this.#search(inputs, true)
    // What did not show again, such as a timer's work, is not looked for again.
    coverage.add(ran)
    return true
  }

  /** Tries `inputs` again by halves, until it is known which of them reach something new. */
  async #search(inputs: readonly Uint8Array[], isKnown: boolean): Promise<void> {
    const { coverage, store, tester } = this.#options
    const [first] = inputs
    if (first === undefined) return
    if (!isKnown || inputs.length === 1) {
      for (const input of inputs) await tester.try(input)
      const ran = coverage.take()
      if (!coverage.isNew(ran)) return
      if (inputs.length === 1) {
        coverage.add(ran)
        this.#corpus.add(first)
        store.keep(first)
        return
      }
    }
    const half = inputs.length >> 1
    await this.#search(inputs.slice(0, half), false)
    await this.#search(inputs.slice(half), false)
  }

  async #once(input: Uint8Array): Promise<void> {
    const { finding, slow } = await this.#options.tester.try(input)
    if (slow !== undefined) {
      this.#slow += 1
      this.#slowest = Math.max(this.#slowest, slow)
    }
    if (finding !== undefined) await this.#report(finding)
  }

  async #report(finding: Finding): Promise<void> {
    const essence = essenceOf(finding)
    if (this.#found.has(essence) || this.#found.size >= this.#options.maxFindings) return
    this.#found.add(essence)
    const { tester, onFinding } = this.#options
    let smallest = finding
    await minimize(finding.input, async (candidate) => {
      const again = (await tester.try(candidate)).finding
      if (again === undefined || essenceOf(again) !== essence) return false
      smallest = again
      return true
    })
    onFinding(smallest)
  }
}
