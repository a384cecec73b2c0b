import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { FormatError, UsageError } from '../../shared/errors.js'
import { refusal } from '../support/errors.js'
import { arbitraryCbor } from './cbor-support.js'

describe('writing CBOR', () => {
  it.each([
    [0, '00'],
    [-1, '20'],
    [-35, '3822'],
    [2 ** 32 - 1, '1affffffff'],
    [2 ** 32, '1b0000000100000000'],
    [-(2 ** 32), '3affffffff'],
    [-(2 ** 32) - 1, '3b0000000100000000'],
    [10n, '0a'],
    [2n ** 64n - 1n, '1bffffffffffffffff'],
    [-(2n ** 63n), '3b7fffffffffffffff'],
    [-0, '00'],
    ['', '60'],
    [null, 'f6'],
    [Uint8Array.of(1, 2), '420102'],
    [
      new Map([
        ['b', 1],
        ['a', 2],
      ]),
      'a2616201616102',
    ],
    [[[], new Map()], '8280a0'],
  ] as [CborValue, string][])('writes %s in the shortest form', (value, expected) => {
    expect(Buffer.from(encodeCbor(value)).toString('hex')).toBe(expected)
  })

  it.each([
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2n ** 64n,
    -(2n ** 63n) - 1n,
    [0.1],
    new Map([[2n ** 70n, 1]]),
  ])('refuses to write %s, which nobody here would read', async (value) => {
    expect(await refusal(() => encodeCbor(value as CborValue))).toBeInstanceOf(UsageError)
  })

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(arbitraryCbor(), (value) => {
        expect(decodeCbor(encodeCbor(value))).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })

  it('writes again the very bytes of whatever definite CBOR it read', () => {
    fc.assert(
      fc.property(arbitraryCbor(), (value) => {
        const bytes = encodeCbor(value)
        expect(encodeCbor(decodeCbor(bytes))).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
  })
})

describe('arbitrary bytes', () => {
  it('are read or refused with a FormatError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readsOrRefuses), { numRuns: 20_000 })
  })

  it('are read or refused when one byte of good CBOR is changed', () => {
    fc.assert(
      fc.property(arbitraryCbor(), fc.nat(), fc.integer({ min: 0, max: 255 }), (value, position, byte) => {
        const bytes = encodeCbor(value)
        bytes[position % bytes.length] = byte
        readsOrRefuses(bytes)
      }),
      { numRuns: 3000 },
    )
  })
})

/** What was read must also be writable: nothing outside the subset slips through. */
function readsOrRefuses(bytes: Uint8Array): void {
  let value: CborValue
  try {
    value = decodeCbor(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError)
    return
  }
  const written = encodeOrSkip(value)
  if (written !== undefined) expect(decodeCbor(written)).toEqual(value)
}

/** Integers under -2^63 are read, and not written. */
function encodeOrSkip(value: CborValue): Uint8Array | undefined {
  try {
    return encodeCbor(value)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return undefined
  }
}
