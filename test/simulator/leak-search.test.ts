import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { containsAny } from '../../simulator/leak-search.js'
import { readStreams, TraceWriter } from '../../simulator/trace.js'

const directory = mkdtempSync(join(tmpdir(), 'leak-'))
afterAll(() => rmSync(directory, { recursive: true }))

const secret = fc.uint8Array({ minLength: 8, maxLength: 64 })
const around = fc.uint8Array({ maxLength: 40 })

const FORMS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'raw bytes': (bytes) => bytes,
  'lower-case hex': (bytes) => Buffer.from(bytes.toString('hex')),
  'upper-case hex': (bytes) => Buffer.from(bytes.toString('hex').toUpperCase()),
  base64: (bytes) => Buffer.from(bytes.toString('base64')),
  'base64 without padding': (bytes) => Buffer.from(bytes.toString('base64').replaceAll('=', '')),
  base64url: (bytes) => Buffer.from(bytes.toString('base64url')),
}

describe('a secret is found', () => {
  it.each(Object.entries(FORMS))('as %s, wherever it stands in what was encoded', (_, form) => {
    fc.assert(
      fc.property(secret, around, around, (bytes, before, after) => {
        const stream = form(Buffer.concat([before, bytes, after]))
        expect(containsAny([stream], [bytes])).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it.each(Object.entries(FORMS))('as %s, wherever that text stands in the stream', (_, form) => {
    fc.assert(
      fc.property(secret, around, around, (bytes, before, after) => {
        const stream = Buffer.concat([before, form(Buffer.from(bytes)), after])
        expect(containsAny([stream], [bytes])).toBe(true)
      }),
    )
  })

  it('in any of the streams, whichever secret it is', () => {
    const streams = [Buffer.from('nothing here'), Buffer.from('… second secret …')]
    expect(containsAny(streams, [Buffer.from('first secret'), Buffer.from('second secret')])).toBe(true)
  })
})

describe('a secret is not found', () => {
  it('in other random bytes', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(0, 1, 200), (bytes, length) => {
        const other = Buffer.alloc(length, (bytes[0] ?? 0) ^ 0xff)
        expect(containsAny([other], [bytes])).toBe(false)
      }),
    )
  })

  it('when its last byte is another', () => {
    const bytes = Buffer.from('a secret of 24 bytes ...')
    const stream = Buffer.from(bytes)
    stream[23] = 0
    expect(containsAny([stream], [bytes])).toBe(false)
  })

  it('when it is shorter than eight bytes, as chance would find it', () => {
    expect(containsAny([Buffer.from('1234567')], [Buffer.from('1234567')])).toBe(false)
    expect(containsAny([Buffer.from('12345678')], [Buffer.from('12345678')])).toBe(true)
  })

  it('when there is none', () => {
    expect(containsAny([Buffer.from('anything')], [])).toBe(false)
    expect(containsAny([Buffer.from('anything')], [new Uint8Array()])).toBe(false)
    expect(containsAny([], [Buffer.from('anything')])).toBe(false)
  })
})

describe('in a trace', () => {
  const bytes = Buffer.from('0123456789abcdef')

  function trace(...records: readonly ['up' | 'down', number, Uint8Array][]): readonly Uint8Array[] {
    const path = join(directory, 'trace')
    const writer = new TraceWriter(path)
    for (const [direction, connection, data] of records) writer.write({ direction, connection, data })
    writer.close()
    return readStreams(path)
  }

  it('a secret is found across records of one connection, with another in between', () => {
    const streams = trace(
      ['up', 1, bytes.subarray(0, 5)],
      ['up', 2, Buffer.from('else')],
      ['down', 1, Buffer.from('answer')],
      ['up', 1, bytes.subarray(5)],
    )
    expect(containsAny(streams, [bytes])).toBe(true)
  })

  it('halves on two connections are no secret', () => {
    const streams = trace(['up', 1, bytes.subarray(0, 8)], ['up', 2, bytes.subarray(8)])
    expect(containsAny(streams, [bytes])).toBe(false)
  })

  it('halves in two directions are no secret', () => {
    const streams = trace(['up', 1, bytes.subarray(0, 8)], ['down', 1, bytes.subarray(8)])
    expect(containsAny(streams, [bytes])).toBe(false)
  })

  it('the headers are not searched', () => {
    const streams = trace(['up', 0x41424344, Buffer.from('x')])
    expect(containsAny(streams, [Buffer.from([0, 0x41, 0x42, 0x43, 0x44, 0, 0, 0])])).toBe(false)
  })
})
