import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { examineAttestation } from '../../../shared/attestation/index.js'
import type { Examination } from '../../../shared/attestation/verify.js'
import { createVerifyMany, type VerifyManyOptions } from '../../../shared/attestation/verify-many.js'
import { threads } from '../../../shared/attestation/verify-many-threads.js'
import { FormatError, OperationError, PolicyError, VerificationError } from '../../../shared/errors.js'
import { signed } from '../../support/attestations.js'
import { NOW } from '../../support/certificates.js'
import { refusal } from '../../support/errors.js'
import { bundle } from '../../vm/guest/bundle.js'

const directory = mkdtempSync(join(tmpdir(), 'many-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const worker = join(directory, 'worker.mjs')

let good: Uint8Array
let options: VerifyManyOptions
beforeAll(async () => {
  const source = new URL('../../../shared/attestation/verify-many-worker.ts', import.meta.url)
  await bundle(fileURLToPath(source), worker)
  const { bytes, roots } = await signed({ nonce: Uint8Array.of(1) })
  good = bytes
  options = { roots, now: NOW, concurrency: 2 }
})

/** verifyMany with threads of this file, or of these lines; this thread takes no part unless it must. */
const manyBy = (file: URL) => createVerifyMany(examineAttestation, threads(examineAttestation, file), () => 2)
const many = () => manyBy(pathToFileURL(worker))
const lines = (code: string) => manyBy(new URL(`data:text/javascript,${encodeURIComponent(code)}`))

async function collect(outcomes: AsyncIterable<Examination>): Promise<Examination[]> {
  const all: Examination[] = []
  for await (const outcome of outcomes) all.push(outcome)
  return all
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** The threads that this process starts during a test. */
function started(): readonly Worker[] {
  const workers: Worker[] = []
  const note = (worker: Worker) => void workers.push(worker)
  process.on('worker', note)
  onTestFinished(() => void process.off('worker', note))
  return workers
}

describe('by threads', () => {
  it('says of each document what examineAttestation says, in order', async () => {
    const documents = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? good.subarray(i) : good))
    const { concurrency: _, ...asked } = options
    const expected = await Promise.all(documents.map((document) => examineAttestation(document, asked)))
    expect(await collect(many()(documents, options))).toEqual(expected)
  })

  it('errors are of their classes', async () => {
    const forged = Uint8Array.from(good)
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    const nonce = Uint8Array.of(2)
    const outcomes = await collect(many()([Uint8Array.of(0x84), forged, good], { ...options, nonce }))
    const errors = outcomes.map((outcome) => (outcome.accepted ? undefined : outcome.error))
    expect(errors[0]).toBeInstanceOf(FormatError)
    expect(errors[1]).toBeInstanceOf(VerificationError)
    expect(errors[2]).toBeInstanceOf(PolicyError)
    expect(errors.map((error) => error?.code)).toEqual([
      'ERR_CBOR_TRUNCATED',
      'ERR_COSE_SIGNATURE',
      'ERR_POLICY_NONCE',
    ])
  })

  it('the caller keeps his documents', async () => {
    const documents = [good, good, good]
    await collect(many()(documents, options))
    expect(documents.map(({ length }) => length)).toEqual([good.length, good.length, good.length])
    expect(good.length).toBeGreaterThan(0)
  })
})

describe('threads', () => {
  it('are not started for one document', async () => {
    const workers = started()
    expect(await collect(many()([good], options))).toMatchObject([{ accepted: true }])
    expect(workers).toEqual([])
  })

  it('are not started for a concurrency of one', async () => {
    const workers = started()
    await collect(many()([good, good, good], { ...options, concurrency: 1 }))
    expect(workers).toEqual([])
  })

  it('are not started when the iteration has ended before', async () => {
    const workers = started()
    const controller = new AbortController()
    const documents = function* () {
      yield good
      yield good
      controller.abort(new Error('enough'))
    }
    const first = many()(documents(), { ...options, signal: controller.signal }).next()
    await expect(first).rejects.toThrow('enough')
    for (let turns = 0; turns < 3; turns++) await turn()
    expect(workers).toEqual([])
  })

  it('that have ended with nothing left to do are replaced', async () => {
    const short = lines(`import { parentPort } from 'node:worker_threads'
      parentPort.on('message', (documents) => {
        parentPort.postMessage(documents.map(() => ({ accepted: true })))
        parentPort.close()
      })`)
    const workers = started()
    const documents = async function* () {
      yield good
      yield good
      await vi.waitFor(() => expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1]))
      yield good
      yield good
    }
    expect(await collect(short(documents(), options))).toEqual(Array(4).fill({ accepted: true }))
    expect(workers).toHaveLength(4)
  })

  it('are no more than were asked for, however many documents there are', async () => {
    const workers = started()
    expect(await collect(many()(Array(20).fill(good), options))).toHaveLength(20)
    expect(workers).toHaveLength(2)
  })

  it('that are there take a single document, too', async () => {
    const echo = lines(`import { parentPort } from 'node:worker_threads'
      parentPort.on('message', (documents) => parentPort.postMessage(documents.map(() => ({ accepted: true }))))`)
    let answered = () => {}
    const documents = async function* () {
      yield good
      yield good
      await new Promise<void>((resolve) => {
        answered = resolve
      })
      yield good
    }
    const workers = started()
    const outcomes = echo(documents(), { ...options, concurrency: 3 })
    await outcomes.next()
    await outcomes.next()
    answered()
    expect(await outcomes.next()).toEqual({ done: false, value: { accepted: true } })
    expect(workers).toHaveLength(2)
    await outcomes.return()
  })

  it('are gone when the iteration is', async () => {
    const workers = started()
    const outcomes = many()([good, good, good], options)
    await outcomes.next()
    expect(workers).toHaveLength(2)
    await outcomes.return()
    // What a thread that ended has for a number.
    expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1])
  })

  it('are ended in the middle of what they do', async () => {
    const busy = lines(`import { parentPort } from 'node:worker_threads'
      parentPort.on('message', () => { for (;;); })`)
    const controller = new AbortController()
    const workers = started()
    const first = busy([good, good], { ...options, signal: controller.signal }).next()
    await vi.waitFor(() => expect(workers).toHaveLength(2))
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1])
  })

  it('of which one answers what cannot be read are ended, too', async () => {
    const busy = lines(`import { parentPort } from 'node:worker_threads'
      parentPort.on('message', () => { for (;;); })`)
    const workers = started()
    const first = busy([good, good], options).next()
    await vi.waitFor(() => expect(workers).toHaveLength(2))
    workers[0]?.emit('messageerror', new Error('no object'))
    await expect(first).rejects.toMatchObject({ code: 'ERR_VERIFICATION_THREAD' })
    await vi.waitFor(() => expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1]))
  })

  it.each([
    ['ends', 'process.exit(9)', 'it ended with status 9'],
    ['throws at once', 'throw new Error("out of order")', 'out of order'],
    [
      'throws at its first message',
      `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', () => { throw new Error("out of order") })`,
      'out of order',
    ],
    [
      'does not say all',
      `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', () => parentPort.postMessage([]))`,
      'it did not answer',
    ],
    ['cannot be read', 'this is no program', 'Unexpected identifier'],
  ])('of which one %s reject the iteration', async (_, code, why) => {
    const error = await refusal(() => collect(lines(code)([good, good, good], options)))
    expect(error).toBeInstanceOf(OperationError)
    expect(error.code).toBe('ERR_VERIFICATION_THREAD')
    expect(error.message).toContain(`a thread that verifies failed: ${why}`)
    expect(error.cause).toMatchObject({ message: expect.stringContaining(why) as string })
  })

  it('that cannot be started reject it, too', async () => {
    const nowhere = manyBy(new URL('https://enclave.test/worker.js'))
    const error = await refusal(() => collect(nowhere([good, good], options)))
    expect(error.code).toBe('ERR_VERIFICATION_THREAD')
  })
})
