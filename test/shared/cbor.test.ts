import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor } from '../../shared/cbor.js'
import { code, refusal } from '../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const refusedWith = (text: string) => code(() => decodeCbor(hex(text)))

describe('reading CBOR', () => {
  it('reads maps of definite and of indefinite length alike', () => {
    const expected = new Map<string, CborValue>([['a', 1]])
    expect(decodeCbor(hex('a1 6161 01'))).toEqual(expected)
    expect(decodeCbor(hex('bf 6161 01 ff'))).toEqual(expected)
  })

  it('reads arrays of definite and of indefinite length alike', () => {
    expect(decodeCbor(hex('82 01 02'))).toEqual([1, 2])
    expect(decodeCbor(hex('9f 01 02 ff'))).toEqual([1, 2])
  })

  it('reads the very bytes that it walked over, though they change meanwhile', () => {
    class Changing extends Uint8Array {
      override subarray(start?: number, end?: number) {
        const view = super.slice(start, end)
        this[0] = 0xf7
        return view
      }
    }
    expect(decodeCbor(new Changing(hex('6161')))).toBe('a')
  })

  it('gives a number up to 2^53 - 1 and a BigInt beyond', () => {
    expect(decodeCbor(hex('1b 001fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER)
    expect(decodeCbor(hex('1b 0020000000000000'))).toBe(2n ** 53n)
    expect(decodeCbor(hex('3b 001ffffffffffffe'))).toBe(Number.MIN_SAFE_INTEGER)
    expect(decodeCbor(hex('3b 001fffffffffffff'))).toBe(-(2n ** 53n))
  })

  it('keeps 1 and "1" apart as keys', () => {
    expect(decodeCbor(hex('a2 01 f4 6131 f5'))).toEqual(
      new Map<number | string, boolean>([
        [1, false],
        ['1', true],
      ]),
    )
  })

  it('gives byte strings that do not change with the input', () => {
    const input = hex('82 43 010203 a1 00 42 0405')
    const [first, map] = decodeCbor(input) as [Uint8Array, Map<number, Uint8Array>]
    input.fill(0xff)
    expect([first, map.get(0)]).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)])
  })

  it('gives plain Uint8Arrays that own their memory, even when the input is a Buffer', () => {
    const value = decodeCbor(Buffer.from('43010203', 'hex')) as Uint8Array
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
    expect(value.buffer.byteLength).toBe(3)
  })

  it('reads the middle of a larger buffer', () => {
    expect(decodeCbor(hex('ff 83010203 ff').subarray(1, 5))).toEqual([1, 2, 3])
  })

  it('leaves its input as it was', () => {
    const input = hex('83 01 02 03')
    decodeCbor(input)
    expect(Reflect.ownKeys(input)).toEqual(['0', '1', '2', '3'])
  })

  it('is not misled by a property on its input', () => {
    const input = Object.assign(hex('19 03e8'), { dataView: new DataView(new ArrayBuffer(8)) })
    expect(decodeCbor(input)).toBe(1000)
  })
})

describe('CBOR that is refused', () => {
  it.each([
    ['a text key twice', 'a2 6161 01 6161 02'],
    ['-1 twice', 'a2 20 01 20 02'],
    ['a key twice in a map of indefinite length', 'bf 01 01 01 02 ff'],
    ['a key twice in an inner map', '81 a2 01 01 01 02'],
  ])('refuses %s', async (_, text) => {
    expect(await refusedWith(text)).toBe('ERR_CBOR_DUPLICATE_KEY')
  })

  it.each([
    ['1 in two widths', 'a2 01 01 1801 02'],
    ['an integer of one byte that fits the head', '1817'],
    ['an integer of two bytes that fits one', '1900ff'],
    ['an integer of four bytes that fits two', '1a0000ffff'],
    ['an integer of eight bytes that fits four', '1b00000000ffffffff'],
    ['a negative integer longer than needed', '3800'],
    ['a length longer than needed', '580101'],
    ['a count longer than needed', '980101'],
    ['a chunk length longer than needed', '5f580101ff'],
  ])('refuses %s', async (_, text) => {
    expect(await refusedWith(text)).toBe('ERR_CBOR_NON_MINIMAL')
  })

  it.each([
    ['a byte string', 'a1 4100 01'],
    ['an array', 'a1 80 01'],
    ['a map', 'a1 a0 01'],
    ['false', 'a1 f4 01'],
    ['null', 'a1 f6 01'],
  ])('refuses %s as a key', async (_, text) => {
    expect(await refusedWith(text)).toBe('ERR_CBOR_KEY_TYPE')
  })

  it.each([
    ['a continuation byte alone', '61 80'],
    ['an overlong form', '62 c080'],
    ['a surrogate', '63 eda080'],
    ['beyond U+10FFFF', '64 f4908080'],
    ['a sequence cut short', '62 e282'],
    ['Latin-1', '61 e9'],
    ['a bad key', 'a1 61 ff 01'],
  ])('refuses text that is not UTF-8: %s', async (_, text) => {
    expect(await refusedWith(text)).toBe('ERR_CBOR_UTF8')
  })

  it.each([0, 1, 61, 62, 100])(
    'refuses a leading byte order mark before %i letters: one key could stand for another',
    async (n) => {
      const text = Buffer.from(`\ufeff${'a'.repeat(n)}`)
      const head = text.length < 24 ? [0x60 + text.length] : [0x78, text.length]
      expect(await code(() => decodeCbor(Uint8Array.from([...head, ...text])))).toBe('ERR_CBOR_UTF8')
    },
  )

  it('reads eight arrays inside one another, and refuses nine', async () => {
    expect(decodeCbor(hex(`${'81'.repeat(8)}00`))).toEqual([[[[[[[[0]]]]]]]])
    expect(await refusedWith(`${'81'.repeat(9)}00`)).toBe('ERR_CBOR_DEPTH')
  })

  it('counts indefinite arrays and maps towards the same depth', async () => {
    expect(await refusedWith(`${'9f'.repeat(9)}00${'ff'.repeat(9)}`)).toBe('ERR_CBOR_DEPTH')
    expect(await refusedWith(`${'a100'.repeat(9)}00`)).toBe('ERR_CBOR_DEPTH')
    expect(await refusedWith(`${'bf00'.repeat(9)}00${'ff'.repeat(9)}`)).toBe('ERR_CBOR_DEPTH')
  })

  it('refuses bytes after the item and says how many', async () => {
    const error = await refusal(() => decodeCbor(hex('00 00 00')))
    expect([error.code, error.message]).toEqual(['ERR_CBOR_TRAILING_BYTES', '2 bytes after the CBOR item'])
  })

  it('refuses nothing at all', async () => {
    expect(await refusedWith('')).toBe('ERR_CBOR_TRUNCATED')
  })

  it('refuses a map of indefinite length that breaks between key and value', async () => {
    expect(await refusedWith('bf 01 ff')).toBe('ERR_CBOR_BREAK')
  })

  it.each([
    '5f00ff',
    '5f6161ff',
    '7f4161ff',
    '5f5f4100ffff',
    '1c',
    '3d',
    '5e',
    '7c',
    '9d',
    'be',
    'fc',
    '1f',
    '3f',
  ])('refuses the ill-formed head in %s', async (text) => {
    expect(await refusedWith(text)).toBe('ERR_CBOR_RESERVED')
  })

  it.each(['d28443a1012640', 'c11a514b67b0', 'd9d9f700', '81c000'])('refuses tags: %s', async (text) => {
    expect(await refusedWith(text)).toBe('ERR_CBOR_TAG')
  })
})

describe('the size of CBOR', () => {
  it.each([
    ['a byte string of 2^63 bytes', '5b8000000000000000'],
    ['a text of 4 GiB', '7affffffff'],
    ['an array of 2^64 - 1 items', '9bffffffffffffffff'],
    ['an array of 4 Gi items', '9affffffff00'],
    ['a map of 2^63 pairs', 'bb800000000000000000'],
    ['a map of three pairs, but for two', 'a3 01 01 01 02'],
    ['an array of 100,000 items, but for 5,000', `9a000186a0${'00'.repeat(5000)}`],
  ])('refuses %s that is not there, without taking memory for it', async (_, text) => {
    const before = process.memoryUsage().arrayBuffers
    expect(await refusedWith(text)).toBe('ERR_CBOR_TRUNCATED')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6)
  })

  it('reads 16,384 bytes unless told otherwise, and refuses one more', async () => {
    const of = (length: number) =>
      Buffer.concat([hex('59'), hex((length - 3).toString(16).padStart(4, '0')), Buffer.alloc(length - 3)])
    expect((decodeCbor(of(16_384)) as Uint8Array).length).toBe(16_381)
    expect(await code(() => decodeCbor(of(16_385)))).toBe('ERR_CBOR_TOO_LARGE')
    expect((decodeCbor(of(16_385), { maxBytes: 16_385 }) as Uint8Array).length).toBe(16_382)
    expect(await code(() => decodeCbor(of(16_384), { maxBytes: 100 }))).toBe('ERR_CBOR_TOO_LARGE')
  })

  it('reads 4,096 items unless told otherwise, and refuses one more', async () => {
    const of = (items: number) =>
      Buffer.concat([hex('99'), hex((items - 1).toString(16).padStart(4, '0')), Buffer.alloc(items - 1)])
    expect((decodeCbor(of(4096)) as number[]).length).toBe(4095)
    expect(await code(() => decodeCbor(of(4097)))).toBe('ERR_CBOR_TOO_LARGE')
    expect((decodeCbor(of(4097), { maxItems: 4097 }) as number[]).length).toBe(4096)
    expect(await code(() => decodeCbor(of(4096), { maxItems: 4095 }))).toBe('ERR_CBOR_TOO_LARGE')
  })

  it.each([
    ['arrays opened and never closed', '9f'],
    ['maps opened and never closed', 'bf'],
    ['breaks', 'ff'],
    ['zeros in an array without end', '00'],
    ['empty arrays', '80'],
    ['empty texts', '60'],
    ['heads of long strings', '5b'],
    ['tags', 'c0'],
  ])('answers 100,000 bytes of %s within a second', async (_, byte) => {
    const input = Buffer.concat([hex('9f'), Buffer.alloc(100_000, byte, 'hex')])
    const begun = performance.now()
    await refusal(() => decodeCbor(input, { maxBytes: 200_000 }))
    expect(performance.now() - begun).toBeLessThan(1000)
  })
})
