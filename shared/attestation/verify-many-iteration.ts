/** One iteration over many documents: reads ahead, but not far, and hands the outcomes on in order. */
import { UsageError } from '../errors.js'
import type { Examination } from './verify.js'

export interface Examiner {
  /** Documents that may be read and not handed on. */
  readonly readAhead: number
  /** `document` is the examiner's own. Rejects when the document could not be examined at all; a document that is refused is an outcome. */
  examine(document: Uint8Array<ArrayBuffer>): Promise<Examination>
  /** Gives up what is under way. */
  close(): Promise<void>
}

type Source = Iterator<unknown> | AsyncIterator<unknown>
type Settled = { readonly examination: Examination } | { readonly error: unknown }

export class Iteration {
  readonly #slots: { settled?: Settled }[] = []
  /** The source has no more to give: it said so, or it failed. */
  #exhausted = false
  #failure: { readonly error: unknown } | undefined
  #asking = false
  #stopped: { readonly reason?: unknown } | undefined
  #wakeConsumer = () => {}
  #wakeReader = () => {}

  /** The outcomes come to their end at once; with a reason they reject with it. */
  stop(stopped: { readonly reason?: unknown } = {}): void {
    this.#stopped ??= stopped
    this.#wakeConsumer()
    this.#wakeReader()
  }

  async *outcomes(
    documents: Iterable<unknown> | AsyncIterable<unknown>,
    examiner: Examiner,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Examination, void, undefined> {
    const abort = () => this.stop({ reason: signal?.reason })
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    let source: Source | undefined
    try {
      if (this.#stopped === undefined) {
        source = open(documents)
        void this.#read(source, examiner)
      }
      for (let next = await this.#next(); next !== undefined; next = await this.#next()) yield next
    } finally {
      this.stop()
      signal?.removeEventListener('abort', abort)
      await examiner.close()
      if (source !== undefined) await this.#end(source)
    }
  }

  async #read(source: Source, examiner: Examiner): Promise<void> {
    try {
      while (this.#stopped === undefined) {
        if (this.#slots.length >= examiner.readAhead) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve
          })
          continue
        }
        this.#asking = true
        const { done, value } = await source.next()
        this.#asking = false
        if (done) break
        if (this.#stopped === undefined) this.#take(value, examiner)
      }
      this.#exhausted ||= this.#stopped === undefined
    } catch (error) {
      this.#exhausted = this.#asking
      this.#failure = { error }
    }
    this.#wakeConsumer()
  }

  #take(value: unknown, examiner: Examiner): void {
    if (!(value instanceof Uint8Array)) throw new UsageError('ERR_USAGE', 'a document is not a Uint8Array')
    const slot: { settled?: Settled } = {}
    this.#slots.push(slot)
    const settle = (settled: Settled) => {
      slot.settled = settled
      this.#wakeConsumer()
    }
    // A copy: who reads from files or sockets may use one buffer for all documents.
    examiner.examine(Uint8Array.from(value)).then(
      (examination) => settle({ examination }),
      (error: unknown) => settle({ error }),
    )
  }

  async #next(): Promise<Examination | undefined> {
    for (;;) {
      if (this.#stopped !== undefined) {
        if ('reason' in this.#stopped) throw this.#stopped.reason
        return undefined
      }
      const [slot] = this.#slots
      if (slot?.settled !== undefined) {
        this.#slots.shift()
        this.#wakeReader()
        if ('error' in slot.settled) throw slot.settled.error
        return slot.settled.examination
      }
      // What was read before the source failed is still handed on.
      if (slot === undefined && this.#failure !== undefined) throw this.#failure.error
      if (slot === undefined && this.#exhausted) return undefined
      await new Promise<void>((resolve) => {
        this.#wakeConsumer = resolve
      })
    }
  }

  /** Tells the source that nobody reads on; one that still owes an answer is told so, but not waited for. */
  async #end(source: Source): Promise<void> {
    if (this.#exhausted) return
    const ended = (async () => void (await source.return?.()))().catch(() => {})
    if (!this.#asking) await ended
  }
}

function open(documents: Iterable<unknown> | AsyncIterable<unknown>): Source {
  return Symbol.asyncIterator in documents ? documents[Symbol.asyncIterator]() : documents[Symbol.iterator]()
}
