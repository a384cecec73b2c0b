/** The inputs that reached something new, in the order in which they did. */
import type { Random } from './random.js'

export class Corpus {
  readonly #inputs: Uint8Array[] = []

  get size(): number {
    return this.#inputs.length
  }

  add(input: Uint8Array): void {
    this.#inputs.push(input)
  }

  /** One of them: half of the time one of the newest, which nobody has tried much yet. */
  pick(random: Random): Uint8Array {
    const newest = Math.ceil(this.#inputs.length / 8)
    const at = random.once(2)
      ? this.#inputs.length - 1 - random.below(newest)
      : random.below(this.#inputs.length)
    return this.#inputs[at] ?? new Uint8Array(0)
  }
}
