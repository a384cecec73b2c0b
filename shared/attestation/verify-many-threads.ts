/** verifyMany's threads on Node: started when there is work for them, and ended with the iteration. */
import type { VerifyOptions } from './options.js'
import type { Examination, Verifier } from './verify.js'
import type { StartExaminer } from './verify-many.js'
import type { Examiner } from './verify-many-iteration.js'
import { type Task, Thread, threadFailed } from './verify-many-thread.js'

/** Documents of one message at most: a message takes about as long as a twentieth of a document. */
const BATCH = 8
/** For each thread: what it works on, and what it finds next. */
const READ_AHEAD = 2 * BATCH

const WORKER = new URL('./verify-many-worker.js', import.meta.url)

export function threads(examine: Verifier['examineAttestation'], file: URL = WORKER): StartExaminer {
  return (options, concurrency) => new Threads(examine, options, concurrency, file)
}

class Threads implements Examiner {
  readonly readAhead: number
  readonly #examineHere: (document: Uint8Array) => Promise<Examination>
  readonly #start: () => Thread
  readonly #concurrency: number
  readonly #threads = new Set<Thread>()
  readonly #waiting: Task[] = []
  #closed = false

  constructor(
    examine: Verifier['examineAttestation'],
    options: VerifyOptions,
    concurrency: number,
    file: URL,
  ) {
    // One after the other needs no thread.
    this.readAhead = concurrency === 1 ? 1 : concurrency * READ_AHEAD
    this.#examineHere = (document) => examine(document, options)
    this.#concurrency = concurrency
    const events = {
      free: () => void this.#dispatch(),
      gone: (thread: Thread) => void this.#threads.delete(thread),
    }
    this.#start = () => new Thread(file, options, events)
  }

  examine(document: Uint8Array<ArrayBuffer>): Promise<Examination> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ document, resolve, reject })
      // Not before the source has said what else there is, nor without letting the rest of the process have its turn.
      setImmediate(() => void this.#dispatch())
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#threads].map((thread) => thread.end()))
  }

  async #dispatch(): Promise<void> {
    if (this.#closed) return
    // A thread takes longer to start than a document to verify.
    if (this.#threads.size === 0 && this.#waiting.length === 1) {
      for (const { document, resolve, reject } of this.#waiting.splice(0)) {
        await this.#examineHere(document).then(resolve, reject)
      }
      return
    }
    for (let thread = this.#idle(); thread !== undefined; thread = this.#idle()) {
      const share = Math.ceil(this.#waiting.length / this.#concurrency)
      thread.examine(this.#waiting.splice(0, Math.min(share, BATCH)))
    }
  }

  /** A thread that has nothing to do, while there is something to do; undefined otherwise. */
  #idle(): Thread | undefined {
    if (this.#waiting.length === 0) return undefined
    const idle = [...this.#threads].find((thread) => !thread.busy)
    if (idle !== undefined || this.#threads.size >= this.#concurrency) return idle
    try {
      const started = this.#start()
      this.#threads.add(started)
      return started
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(threadFailed(error))
      return undefined
    }
  }
}
