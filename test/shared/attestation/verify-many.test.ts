import { getEventListeners } from 'node:events'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { MAX_DOCUMENT_LENGTH } from '../../../shared/attestation/document-fields.js'
import { examineAttestation, verifyMany } from '../../../shared/attestation/index.js'
import type { VerifyOptions } from '../../../shared/attestation/options.js'
import type { Examination } from '../../../shared/attestation/verify.js'
import {
  createVerifyMany,
  type Documents,
  type VerifyManyOptions,
} from '../../../shared/attestation/verify-many.js'
import type { Examiner } from '../../../shared/attestation/verify-many-iteration.js'
import { verifyMany as verifyManyInBrowsers } from '../../../shared/attestation/web.js'
import { UsageError } from '../../../shared/errors.js'
import { signed } from '../../support/attestations.js'
import { NOW } from '../../support/certificates.js'
import { code, refusal } from '../../support/errors.js'

/** An examiner of the test's own, which answers when it is told to; its outcomes are the documents themselves. */
function bench(readAhead = 4) {
  const under: {
    readonly document: Uint8Array
    readonly answer: () => void
    readonly fail: (error: Error) => void
  }[] = []
  const close = vi.fn(async () => {})
  const started = vi.fn<(options: VerifyOptions, concurrency: number) => void>()
  const start = (options: VerifyOptions, concurrency: number): Examiner => {
    started(options, concurrency)
    return {
      readAhead,
      close,
      examine: (document) =>
        new Promise((resolve, reject) => {
          const outcome = { accepted: true, document } as unknown as Examination
          under.push({ document, answer: () => resolve(outcome), fail: reject })
        }),
    }
  }
  return { under, close, started, verifyMany: createVerifyMany(examineAttestation, start, () => 3) }
}
const documents = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(i))
const turn = () => new Promise((resolve) => setImmediate(resolve))
const numbers = (outcomes: readonly (Examination | undefined)[]) =>
  outcomes.map((outcome) => (outcome?.document as unknown as Uint8Array | undefined)?.[0])

/** A source that a test looks into. */
function source(count: number, failure?: Error) {
  const state = { read: 0, ended: 0 }
  const iterate = function* () {
    try {
      for (const document of documents(count)) {
        state.read++
        yield document
      }
      if (failure) throw failure
    } finally {
      state.ended++
    }
  }
  return { state, documents: iterate() }
}

describe('outcomes', () => {
  it('come in the order of the documents, whatever is finished first', async () => {
    const { under, verifyMany } = bench()
    const all = collect(verifyMany(documents(3)))
    await turn()
    for (const { answer } of under.toReversed()) answer()
    expect(numbers(await all)).toEqual([0, 1, 2])
  })

  it('are of the bytes as they were read', async () => {
    const { under, verifyMany } = bench()
    const bytes = Uint8Array.of(7)
    const first = verifyMany([bytes]).next()
    await turn()
    bytes[0] = 8
    under[0]?.answer()
    expect(numbers([(await first).value ?? undefined])).toEqual([7])
  })

  it('of an asynchronous source come before it has given the next document', async () => {
    const { under, verifyMany } = bench()
    const outcomes = verifyMany(neverEnding())
    const first = outcomes.next()
    await turn()
    under[0]?.answer()
    expect(numbers([(await first).value ?? undefined])).toEqual([0])
    await outcomes.return()
  })

  it('that were read before the source failed come before its error', async () => {
    const { under, verifyMany } = bench()
    const { documents } = source(1, new Error('no more'))
    const outcomes = verifyMany(documents)
    const first = outcomes.next()
    await turn()
    under[0]?.answer()
    expect((await first).done).toBe(false)
    await expect(outcomes.next()).rejects.toThrow('no more')
    expect(await outcomes.next()).toEqual({ done: true, value: undefined })
  })

  it('end with what could not be examined, and with them the source', async () => {
    const { under, close, verifyMany } = bench()
    const { state, documents } = source(9)
    const first = verifyMany(documents).next()
    await turn()
    under[0]?.fail(new Error('lost'))
    await expect(first).rejects.toThrow('lost')
    expect(close).toHaveBeenCalledOnce()
    expect(state.ended).toBe(1)
  })
})

it('are read of what for await reads: an asynchronous iterator that is undefined is none', async () => {
  const { under, verifyMany } = bench()
  const [document] = documents(1)
  const iterate = () => [document][Symbol.iterator]()
  const given = { [Symbol.iterator]: iterate, [Symbol.asyncIterator]: undefined } as unknown as Documents
  const all = collect(verifyMany(given))
  await turn()
  under[0]?.answer()
  expect(numbers(await all)).toEqual([0])
})

describe('a document that is too long', () => {
  const tooLong = new Uint8Array(MAX_DOCUMENT_LENGTH + 1)
  const refused = { accepted: false, error: { code: 'ERR_DOCUMENT_SIZE' } }

  it('is refused with its length, and not handed on', async () => {
    const { under, verifyMany } = bench()
    const all = collect(verifyMany([tooLong]))
    await turn()
    expect(under).toEqual([])
    const message = expect.stringContaining('16385 bytes') as string
    expect(await all).toMatchObject([{ ...refused, error: { message } }])
  })

  it('has its turn among the others', async () => {
    const { under, verifyMany } = bench()
    const all = collect(verifyMany([Uint8Array.of(0), tooLong, tooLong.subarray(1)]))
    await turn()
    for (const { answer } of under) answer()
    expect(await all).toMatchObject([{ accepted: true }, refused, { accepted: true }])
  })

  it('is refused whatever becomes of it meanwhile', async () => {
    const { bytes, roots } = await signed()
    const { length } = tooLong
    const buffer = Reflect.construct(ArrayBuffer, [length, { maxByteLength: length }]) as ArrayBuffer
    const document = new Uint8Array(buffer)
    document.set(bytes)
    const cut = function* () {
      yield document
      Reflect.apply(Reflect.get(buffer, 'resize') as (length: number) => void, buffer, [bytes.length])
    }
    expect(await collect(bench().verifyMany(cut(), { roots, now: NOW }))).toMatchObject([refused])
    expect(document.length).toBe(bytes.length)
  })

  it('lets the process have its turn, though there be no others', async () => {
    const turned = vi.fn()
    setImmediate(turned)
    await collect(bench().verifyMany(Array(9).fill(tooLong)))
    expect(turned).toHaveBeenCalledOnce()
  })
})

/** One document, and then a next that never comes, and that return() is not heard in. */
async function* neverEnding() {
  yield Uint8Array.of(0)
  await new Promise(() => {})
}

async function collect(outcomes: AsyncIterable<Examination>): Promise<Examination[]> {
  const all: Examination[] = []
  for await (const outcome of outcomes) all.push(outcome)
  return all
}

it.each<[string, () => IteratorResult<Uint8Array>]>([
  ['has come to its end', () => ({ done: true, value: undefined })],
  [
    'has failed',
    () => {
      throw new Error('no more')
    },
  ],
])('does not end a source that %s', async (_, next) => {
  const end = vi.fn()
  const given = { [Symbol.iterator]: () => ({ next, return: end }) }
  await collect(verifyMany(given)).catch(() => {})
  expect(end).not.toHaveBeenCalled()
})

it('reads no further ahead than it may', async () => {
  const { under, verifyMany } = bench(4)
  const { state, documents } = source(100)
  const outcomes = verifyMany(documents)
  const first = outcomes.next()
  await turn()
  expect(state.read).toBe(4)
  for (const { answer } of under) answer()
  await first
  await turn()
  expect(state.read).toBe(5)
  await outcomes.return()
})

describe('an iteration that is ended early', () => {
  it('ends its source and its examiner, and asks neither for more', async () => {
    const { under, close, verifyMany } = bench()
    const { state, documents } = source(100)
    const outcomes = verifyMany(documents)
    const first = outcomes.next()
    await turn()
    under[0]?.answer()
    await first
    await outcomes.return()
    await turn()
    expect(close).toHaveBeenCalledOnce()
    expect(state).toEqual({ read: 5, ended: 1 })
    expect(await outcomes.next()).toEqual({ done: true, value: undefined })
  })

  it('by throw() rejects with that', async () => {
    const { under, close, verifyMany } = bench()
    const outcomes = verifyMany(documents(9))
    const first = outcomes.next()
    await turn()
    under[0]?.answer()
    await first
    await expect(outcomes.throw(new Error('enough'))).rejects.toThrow('enough')
    expect(close).toHaveBeenCalledOnce()
  })

  it('waits until its source has ended, too', async () => {
    const { under, verifyMany } = bench()
    const ended = vi.fn()
    const slow = async function* () {
      try {
        for (;;) yield Uint8Array.of(0)
      } finally {
        await turn()
        ended()
      }
    }
    const outcomes = verifyMany(slow())
    const first = outcomes.next()
    await turn()
    under[0]?.answer()
    await first
    await turn()
    await outcomes.return()
    expect(ended).toHaveBeenCalledOnce()
  })

  it('by a document that is none ends its source, too', async () => {
    const ended = vi.fn()
    const texts = function* () {
      try {
        yield 'text'
      } finally {
        ended()
      }
    }
    const given = texts() as Iterable<unknown> as Documents
    expect(await code(() => bench().verifyMany(given).next())).toBe('ERR_USAGE')
    expect(ended).toHaveBeenCalledOnce()
  })

  it('does not examine what its source gives afterwards', async () => {
    const { under, verifyMany } = bench()
    let give = () => {}
    const late = async function* () {
      await new Promise<void>((resolve) => {
        give = resolve
      })
      yield Uint8Array.of(0)
    }
    const outcomes = verifyMany(late())
    const first = outcomes.next()
    await turn()
    await outcomes.return()
    give()
    expect(await first).toEqual({ done: true, value: undefined })
    await turn()
    expect(under).toEqual([])
  })

  it('does not wait for a source that never answers', async () => {
    const { verifyMany } = bench()
    const outcomes = verifyMany(neverEnding())
    const first = outcomes.next()
    await turn()
    await outcomes.return()
    expect(await first).toEqual({ done: true, value: undefined })
  })

  it('by throw() does not wait for it either', async () => {
    const { verifyMany } = bench()
    const outcomes = verifyMany(neverEnding())
    const first = outcomes.next()
    await turn()
    await expect(outcomes.throw(new Error('enough'))).rejects.toThrow('enough')
    expect(await first).toEqual({ done: true, value: undefined })
  })

  it('by its signal ends source and examiner, though nobody asks any more', async () => {
    const { under, close, verifyMany } = bench()
    const { state, documents } = source(100)
    const controller = new AbortController()
    const outcomes = verifyMany(documents, { signal: controller.signal })
    const first = outcomes.next()
    await turn()
    under[0]?.answer()
    await first
    controller.abort(new Error('too late'))
    await turn()
    expect(close).toHaveBeenCalledOnce()
    expect(state.ended).toBe(1)
    await expect(outcomes.next()).rejects.toThrow('too late')
    expect(close).toHaveBeenCalledOnce()
  })

  it('by its signal rejects with the reason, also when it waits', async () => {
    const { close, verifyMany } = bench()
    const controller = new AbortController()
    const first = verifyMany(neverEnding(), { signal: controller.signal }).next()
    await turn()
    controller.abort(new Error('too late'))
    await expect(first).rejects.toThrow('too late')
    expect(close).toHaveBeenCalledOnce()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('before it began reads nothing', async () => {
    const { state, documents } = source(9)
    const signal = AbortSignal.abort(new Error('never'))
    await expect(bench().verifyMany(documents, { signal }).next()).rejects.toThrow('never')
    expect(state.read).toBe(0)
  })

  it('before it began does not even open its source', async () => {
    const open = vi.fn(() => source(9).documents)
    const signal = AbortSignal.abort(new Error('never'))
    const outcomes = bench().verifyMany({ [Symbol.iterator]: open }, { signal })
    await expect(outcomes.next()).rejects.toThrow('never')
    expect(open).not.toHaveBeenCalled()
  })

  it('leaves no listener on a signal that outlives it', async () => {
    const { signal } = new AbortController()
    await collect(verifyMany([Uint8Array.of(0)], { signal }))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('a call that means nothing', () => {
  const calls: readonly [string, unknown, unknown][] = [
    ['documents that are none', 7, {}],
    ['null for documents', null, {}],
    ['a text for documents', '', {}],
    ['documents whose iterator is undefined', { [Symbol.iterator]: undefined }, {}],
    ['a document that is none', ['text'], {}],
    ['no options but null', [], null],
    ['an option that there is not', [], { nonces: [] }],
    ['an option that is inherited', [], Object.create({ nonce: Uint8Array.of(1) })],
    ['a nonce that was lost', [], { nonce: undefined }],
    ['an option of examineAttestation that is wrong', [], { maxAge: 'long' }],
    ['a concurrency of none', [], { concurrency: 0 }],
    ['a concurrency of halves', [], { concurrency: 1.5 }],
    ['a concurrency in words', [], { concurrency: '2' }],
    ['a concurrency beyond measure', [], { concurrency: 1025 }],
    ['a signal that is none', [], { signal: {} }],
    ['a register that only looks like one', [], { pcrs: { 0: { toString: () => '00'.repeat(48) } } }],
  ]
  it.each(calls)('%s', async (_, documents, options) => {
    const outcomes = verifyMany(documents as Documents, options as VerifyManyOptions)
    const error = await refusal(() => outcomes.next())
    expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  })

  it('is refused before anything is read or started', async () => {
    const { started, verifyMany } = bench()
    const { state, documents } = source(9)
    expect(await code(() => verifyMany(documents, { maxAge: -1 }).next())).toBe('ERR_USAGE')
    expect(state.read).toBe(0)
    expect(started).not.toHaveBeenCalled()
  })
})

it.each([1, 1024])('takes a concurrency of %d', async (concurrency) => {
  const { started, verifyMany } = bench()
  await verifyMany([], { concurrency }).next()
  expect(started).toHaveBeenCalledWith({}, concurrency)
})

it('holds every document to the options as they were', async () => {
  const { started, verifyMany } = bench()
  const options = {
    now: new Date(NOW),
    nonce: new Uint8Array(new SharedArrayBuffer(1)),
    pcrs: { 0: new Uint8Array(48) },
    moduleId: ['i-1'],
    maxAge: 1,
    concurrency: 7,
  }
  const outcomes = verifyMany([], options)
  options.now.setTime(0)
  options.nonce[0] = 1
  options.pcrs[0][0] = 1
  options.moduleId.push('i-2')
  Reflect.deleteProperty(options, 'maxAge')
  options.concurrency = 0
  await outcomes.next()
  const asked = {
    now: NOW,
    nonce: new Uint8Array(1),
    pcrs: { 0: new Uint8Array(48) },
    moduleId: ['i-1'],
    maxAge: 1,
  }
  expect(started).toHaveBeenCalledWith(asked, 7)
})

describe.each([
  ['here, without threads', verifyMany, 1],
  ['in browsers', verifyManyInBrowsers, 4],
])('%s', (_, verifyMany, concurrency) => {
  let bytes: Uint8Array
  let options: VerifyManyOptions
  beforeAll(async () => {
    const made = await signed()
    bytes = made.bytes
    options = { roots: made.roots, now: NOW, concurrency }
  })

  it('says of each document what examineAttestation says', async () => {
    const { concurrency: _, ...asked } = options
    const mixed = [bytes, new Uint8Array(9), bytes]
    const expected = await Promise.all(mixed.map((document) => examineAttestation(document, asked)))
    expect(await collect(verifyMany(mixed, options))).toEqual(expected)
  })

  it('need not be told how many to verify at the same time', async () => {
    const { concurrency: _, ...others } = options
    expect(await collect(verifyMany([bytes], others))).toMatchObject([{ accepted: true }])
  })

  it('verifies each document at the time that the clock shows then', async () => {
    const { now: _, ...byTheClock } = options
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
    const later = function* () {
      yield bytes
      vi.setSystemTime(NOW.getTime() + 301_000)
      yield bytes
    }
    try {
      const outcomes = await collect(verifyMany(later(), { ...byTheClock, concurrency: 1 }))
      expect(outcomes).toMatchObject([{ accepted: true }, { error: { code: 'ERR_POLICY_MAX_AGE' } }])
    } finally {
      vi.useRealTimers()
    }
  })
})
