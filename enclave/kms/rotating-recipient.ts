/** A recipient whose key pair is replaced, by age and by number of calls, while calls go on. */
import { UsageError } from '../../shared/errors.js'
import { createRecipient, type Recipient, type RecipientOptions, type RecipientSource } from './recipient.js'

export interface RotatingRecipientOptions extends RecipientOptions {
  /** Milliseconds from the making of a pair until no call begins with it: 1,000 or more, by default an hour. */
  readonly maxAge?: number | undefined
  /** Calls that one pair serves at most, 100,000 by default; a second attempt of a call does not count. */
  readonly maxCalls?: number | undefined
  /** Milliseconds of a clock that never goes back; by default the process's monotonic one. */
  readonly now?: (() => number) | undefined
}

/** Less, and a pair could be too old before its first call has it. */
const MIN_AGE = 1_000

/** The part of its life after which a pair's successor is made, so that hardly a call waits for it. */
const AHEAD = 3 / 4

/**
 * Makes the first pair and gives a source for nitroRecipient. Each call keeps the pair that it began with; a pair is
 * forgotten when the last of its calls ends, and its memory is the garbage collector's to free. The next pair is made
 * in the background by a call late in the life of the present one: a source that is not used makes none, so that the
 * first call after a long rest waits (some 100 ms for 2048 bits, up to seconds for 4096).
 *
 * `Infinity` switches a limit off. Throws UsageError ERR_USAGE, as createRecipient does. When a pair cannot be made,
 * only calls that need it fail, with the same error; the next call tries again.
 */
export async function rotatingRecipient(options: RotatingRecipientOptions): Promise<RecipientSource> {
  const { maxAge = 3_600_000, maxCalls = 100_000, now = () => performance.now(), ...pairOptions } = options
  if (typeof maxAge !== 'number' || !(maxAge >= MIN_AGE)) {
    throw new UsageError('ERR_USAGE', `maxAge: not a number of milliseconds from ${MIN_AGE} on, or Infinity`)
  }
  if (maxCalls !== Number.POSITIVE_INFINITY && !(Number.isInteger(maxCalls) && maxCalls > 0)) {
    throw new UsageError('ERR_USAGE', 'maxCalls: not a positive integer, or Infinity')
  }
  const make = async (): Promise<Pair> => {
    const recipient = await createRecipient(pairOptions)
    return { recipient, born: now(), calls: 0 }
  }
  return new RotatingRecipient({ maxAge, maxCalls, now, make }, await make())
}

interface Pair {
  readonly recipient: Recipient
  readonly born: number
  calls: number
}

interface Rotation {
  readonly maxAge: number
  readonly maxCalls: number
  now(): number
  make(): Promise<Pair>
}

class RotatingRecipient implements RecipientSource {
  readonly #rotation: Rotation
  #present: Pair
  /** In the making, or made and waiting for its turn. */
  #next: Promise<Pair> | undefined

  constructor(rotation: Rotation, first: Pair) {
    this.#rotation = rotation
    this.#present = first
  }

  async recipient(): Promise<Recipient> {
    // More calls may have waited for one pair than it serves, and a pair may have grown old while it waited.
    while (this.#life(this.#present) >= 1) await this.#rotate()
    const pair = this.#present
    pair.calls += 1
    if (this.#life(pair) >= AHEAD) void this.#prepare()
    return pair.recipient
  }

  /** How much of a pair's life is over: 1 or more when it serves no further call. */
  #life({ born, calls }: Pair): number {
    const { maxAge, maxCalls, now } = this.#rotation
    return Math.max((now() - born) / maxAge, calls / maxCalls)
  }

  async #rotate(): Promise<void> {
    const pair = await this.#prepare()
    // All that waited for it pass here before the first of them goes on.
    this.#next = undefined
    this.#present = pair
  }

  /** One at a time, shared by all who ask; after a failure the next one who asks begins anew. */
  #prepare(): Promise<Pair> {
    if (this.#next !== undefined) return this.#next
    const next = this.#rotation.make()
    this.#next = next
    next.catch(() => {
      this.#next = undefined
    })
    return next
  }
}
