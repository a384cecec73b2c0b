/** One iteration over many documents: reads ahead, but not far, and hands the outcomes on in order. */
import { UsageError } from '../errors.js'
import { MAX_DOCUMENT_LENGTH } from './document-fields.js'
import type { Examination } from './verify.js'

export interface Examiner {
  /** Documents that may be read and not handed on. */
  readonly readAhead: number
  /** `document` is the examiner's own. Rejects when the document could not be examined at all; a document that is refused is an outcome. */
  examine(document: Uint8Array<ArrayBuffer>): Promise<Examination>
  /** Gives up what is under way. Called once. */
  close(): Promise<void>
}

type Source = Iterator<unknown> | AsyncIterator<unknown>
export type Examine = (document: Uint8Array) => Promise<Examination>
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
    here: Examine,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Examination, void, undefined> {
    let source: Source | undefined
    let ended: Promise<void> | undefined
    const end = () => {
      ended ??= (async () => {
        signal?.removeEventListener('abort', abort)
        await examiner.close()
        if (source !== undefined) await this.#end(source)
      })()
      return ended
    }
    // Who aborts may never ask again: the end does not wait for that.
    const abort = () => {
      this.stop({ reason: signal?.reason })
      end().catch(() => {})
    }
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    try {
      if (this.#stopped === undefined) {
        source = open(documents)
        void this.#read(source, examiner.readAhead, (document) => examineBy(document, examiner, here))
      }
      for (let next = await this.#next(); next !== undefined; next = await this.#next()) yield next
    } finally {
      this.stop()
      await end()
    }
  }

  async #read(source: Source, readAhead: number, examine: Examine): Promise<void> {
    try {
      while (this.#stopped === undefined) {
        if (this.#slots.length >= readAhead) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve
          })
          continue
        }
        this.#asking = true
        const { done, value } = await source.next()
        this.#asking = false
        if (done) break
        if (this.#stopped === undefined) this.#take(value, examine)
      }
      this.#exhausted ||= this.#stopped === undefined
    } catch (error) {
      this.#exhausted = this.#asking
      this.#failure = { error }
    }
    this.#wakeConsumer()
  }

  #take(value: unknown, examine: Examine): void {
    if (!(value instanceof Uint8Array)) throw new UsageError('ERR_USAGE', 'a document is not a Uint8Array')
    const slot: { settled?: Settled } = {}
    this.#slots.push(slot)
    const settle = (settled: Settled) => {
      slot.settled = settled
      this.#wakeConsumer()
    }
    examine(value).then(
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

async function examineBy(document: Uint8Array, examiner: Examiner, here: Examine): Promise<Examination> {
  const { length } = document
  // A copy: who reads from files or sockets may use one buffer for all documents.
  if (length <= MAX_DOCUMENT_LENGTH) return await examiner.examine(Uint8Array.from(document))
  // Refused for its length alone, which is fixed here: its buffer may have another by then.
  const refused = await here(new Uint8Array(document.buffer, document.byteOffset, length))
  // A source that gives nothing else shall let the rest of the process have its turn.
  await new Promise<void>((resolve) => void setTimeout(resolve))
  return refused
}

function open(documents: Iterable<unknown> | AsyncIterable<unknown>): Source {
  const { [Symbol.asyncIterator]: asynchronous } = documents as Partial<AsyncIterable<unknown>>
  // As `for await` does: undefined or null is as good as not there.
  return asynchronous != null
    ? asynchronous.call(documents)
    : (documents as Iterable<unknown>)[Symbol.iterator]()
}
