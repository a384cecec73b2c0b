/** One thread that examines documents, a batch at a time. */
import { Worker } from 'node:worker_threads'
import { OperationError } from '../errors.js'
import type { VerifyOptions } from './options.js'
import type { Examination } from './verify.js'
import { fromPlain, type PlainExamination } from './verify-many-messages.js'

export interface Task {
  readonly document: Uint8Array<ArrayBuffer>
  readonly resolve: (examination: Examination) => void
  readonly reject: (error: unknown) => void
}

/** What a thread reports: that it is free again, or that it is no more. */
export interface ThreadEvents {
  readonly free: () => void
  readonly gone: (thread: Thread) => void
}

export class Thread {
  readonly #worker: Worker
  readonly #events: ThreadEvents
  #tasks: readonly Task[] = []

  /** Throws what Worker throws, which becomes an OperationError by threadFailed(). */
  constructor(file: URL, options: VerifyOptions, events: ThreadEvents) {
    this.#events = events
    // None of the process's own arguments: with some of them (--input-type) a file cannot be run.
    this.#worker = new Worker(file, { workerData: options, execArgv: [] })
    this.#worker.on('message', (answer: readonly PlainExamination[]) => this.#answered(answer))
    this.#worker.on('messageerror', (error) => this.#failed(error))
    this.#worker.on('error', (error) => this.#failed(error))
    this.#worker.on('exit', (status) => this.#failed(new Error(`it ended with status ${status}`)))
  }

  get busy(): boolean {
    return this.#tasks.length > 0
  }

  examine(tasks: readonly Task[]): void {
    this.#tasks = tasks
    this.#worker.ref()
    const documents = tasks.map(({ document }) => document)
    this.#worker.postMessage(
      documents,
      documents.map(({ buffer }) => buffer),
    )
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #answered(answer: readonly PlainExamination[]): void {
    const tasks = this.#tasks
    this.#tasks = []
    // Who drops the iteration without ending it shall not keep the process for that.
    this.#worker.unref()
    tasks.forEach((task, index) => {
      const plain = answer[index]
      if (plain === undefined) task.reject(threadFailed(new Error('it did not answer')))
      else task.resolve(fromPlain(plain))
    })
    this.#events.free()
  }

  #failed(error: unknown): void {
    this.#events.gone(this)
    // After an answer that cannot be read it would run on.
    void this.#worker.terminate()
    const tasks = this.#tasks
    this.#tasks = []
    for (const { reject } of tasks) reject(threadFailed(error))
  }
}

export function threadFailed(cause: unknown): OperationError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new OperationError('ERR_VERIFICATION_THREAD', `a thread that verifies failed: ${why}`, { cause })
}
