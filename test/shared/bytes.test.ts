import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  concatenated,
  fromBase64,
  fromBinary,
  fromHex,
  sameBytes,
  toHex,
  toText,
} from '../../shared/bytes.js'

const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)

describe('hex', () => {
  it('has two lower-case digits a byte', () => {
    expect(toHex(every)).toBe(Buffer.from(every).toString('hex'))
    expect(toHex(new Uint8Array(0))).toBe('')
  })

  it('is read in either case', () => {
    expect(fromHex('')).toEqual(new Uint8Array(0))
    expect(fromHex('00fF7a')).toEqual(Uint8Array.of(0, 255, 122))
    expect(fromHex(toHex(every))).toEqual(every)
  })

  it.each(['0', '000', '0g', 'g0', ' 00', '00 ', '00\n', '0x00', '00:ff', '٠٠'])('is not %j', (text) => {
    expect(fromHex(text)).toBeUndefined()
  })
})

describe('base64', () => {
  it('is read in its canonical form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(fromBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes)
      }),
    )
  })

  it.each(['A', 'AA', 'AA=', 'AB==', 'AAB=', 'AA==AA==', ' AA==', 'AA==\n', '-_8=', 'AA=A', '=', '????'])(
    'is not %j',
    (text) => {
      expect(fromBase64(text)).toBeUndefined()
    },
  )
})

describe('text', () => {
  it('keeps all bytes apart, and ASCII as it is', () => {
    const text = toText(every)
    expect(text).toHaveLength(256)
    expect(new Set(text).size).toBe(256)
    expect(text.slice(0, 128)).toBe(String.fromCharCode(...every.subarray(0, 128)))
  })

  it('is a byte a character on the way back', () => {
    expect(fromBinary(String.fromCharCode(...every))).toEqual(every)
    expect(fromBinary('')).toEqual(new Uint8Array(0))
  })
})

describe('the same bytes', () => {
  it.each([
    [[], [], true],
    [[1, 2, 3], [1, 2, 3], true],
    [[1, 2, 3], [1, 2, 4], false],
    [[1, 2, 3], [0, 2, 3], false],
    [[1, 2, 3], [1, 2], false],
    [[1, 2], [1, 2, 3], false],
    [[], [0], false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(sameBytes(Uint8Array.from(a), Uint8Array.from(b))).toBe(same)
  })
})

it('stands one part after the other, in memory of its own', () => {
  const parts = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]
  const whole = concatenated(parts)
  expect(whole).toEqual(Uint8Array.of(1, 2, 3))
  parts[0]?.fill(9)
  expect(whole).toEqual(Uint8Array.of(1, 2, 3))
  expect(concatenated([])).toEqual(new Uint8Array(0))
})
