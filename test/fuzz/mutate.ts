/** A new input from old ones. */
import fc from 'fast-check'
import type { Corpus } from './corpus.js'
import { BYTE_MUTATORS, insertToken } from './mutators/bytes.js'
import type { Random } from './random.js'
import type { MutationContext, Mutator, Target } from './target.js'

/** Drawn at once: fast-check takes its time to begin. */
const DRAWN = 64

export class Mutation {
  readonly #target: Target
  readonly #corpus: Corpus
  readonly #random: Random
  readonly #context: MutationContext
  readonly #byteMutators: readonly Mutator[]
  #drawn: Uint8Array[] = []

  constructor(target: Target, corpus: Corpus, random: Random) {
    this.#target = target
    this.#corpus = corpus
    this.#random = random
    this.#context = { random, other: () => corpus.pick(random) }
    const { dictionary } = target
    this.#byteMutators =
      dictionary === undefined ? BYTE_MUTATORS : [...BYTE_MUTATORS, insertToken(dictionary)]
  }

  next(): Uint8Array {
    const random = this.#random
    const { arbitrary, maxLength } = this.#target
    if (arbitrary !== undefined && random.once(8)) return this.#generated(arbitrary).subarray(0, maxLength)
    let input = this.#corpus.pick(random)
    const { mutators: own = [], otherChanges = 2 } = this.#target
    // One change reaches deepest; several at once reach what none of them does.
    for (let changes = 1 + random.below(random.once(4) ? 8 : 2); changes > 0; changes--) {
      const mutators = own.length > 0 && !random.once(otherChanges) ? own : this.#byteMutators
      input = random.pick(mutators)(input, this.#context)
    }
    return input.subarray(0, maxLength)
  }

  #generated(arbitrary: fc.Arbitrary<Uint8Array>): Uint8Array {
    if (this.#drawn.length === 0) {
      this.#drawn = fc.sample(arbitrary, { seed: this.#random.next() | 0, numRuns: DRAWN })
    }
    return this.#drawn.pop() ?? new Uint8Array(0)
  }
}
