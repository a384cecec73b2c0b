/** CBOR that is malformed, or outside the subset, each beside its nearest neighbour that is read (RFC 8949). */
import { describe, expect, it } from 'vitest'
import { decodeCbor } from '../../../shared/cbor.js'
import { code } from '../../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const item = (head: string, length: number): string => head + '00'.repeat(length)

/** What it is, its bytes, the code of its refusal, and bytes that differ in that one thing. */
type Row = readonly [name: string, refused: string, code: string, read: string]

function judge(rows: readonly Row[]): void {
  it.each(rows)('%s', async (_, refused, expected, read) => {
    expect(await code(() => decodeCbor(hex(refused)))).toBe(expected)
    expect(() => decodeCbor(hex(read))).not.toThrow()
  })
}

describe('heads that are not the shortest (section 4.2.1)', () => {
  judge([
    ['23 in two bytes', '1817', 'ERR_CBOR_NON_MINIMAL', '1818'],
    ['255 in three bytes', '1900ff', 'ERR_CBOR_NON_MINIMAL', '190100'],
    ['65,535 in five bytes', '1a0000ffff', 'ERR_CBOR_NON_MINIMAL', '1a00010000'],
    ['2^32 - 1 in nine bytes', '1b00000000ffffffff', 'ERR_CBOR_NON_MINIMAL', '1b0000000100000000'],
    ['-24 in two bytes', '3817', 'ERR_CBOR_NON_MINIMAL', '3818'],
    ['-35, the algorithm, in three bytes', '390022', 'ERR_CBOR_NON_MINIMAL', '3822'],
    ['a byte string of length 1 in two bytes', '580101', 'ERR_CBOR_NON_MINIMAL', '4101'],
    ['a byte string of length 1 in nine bytes', '5b000000000000000101', 'ERR_CBOR_NON_MINIMAL', '4101'],
    ['a text of length 1 in two bytes', '780161', 'ERR_CBOR_NON_MINIMAL', '6161'],
    ['an array of one in two bytes', '980100', 'ERR_CBOR_NON_MINIMAL', '8100'],
    ['a map of one in two bytes', 'b8010000', 'ERR_CBOR_NON_MINIMAL', 'a10000'],
    ['a key longer than needed', 'a1180100', 'ERR_CBOR_NON_MINIMAL', 'a10100'],
  ])
})

describe('heads that mean nothing (section 3)', () => {
  judge([
    ['an integer of additional information 28', '1c', 'ERR_CBOR_RESERVED', '17'],
    ['a negative integer of additional information 29', '3d', 'ERR_CBOR_RESERVED', '37'],
    ['a byte string of additional information 30', '5e', 'ERR_CBOR_RESERVED', '40'],
    ['a text of additional information 28', '7c', 'ERR_CBOR_RESERVED', '60'],
    ['an array of additional information 29', '9d', 'ERR_CBOR_RESERVED', '80'],
    ['a map of additional information 30', 'be', 'ERR_CBOR_RESERVED', 'a0'],
    ['a simple value of additional information 28', 'fc', 'ERR_CBOR_RESERVED', 'f6'],
    ['an integer of indefinite length', '1f', 'ERR_CBOR_RESERVED', '00'],
    ['a negative integer of indefinite length', '3f', 'ERR_CBOR_RESERVED', '20'],
    ['false in two bytes', 'f814', 'ERR_CBOR_RESERVED', 'f4'],
    ['simple(31) in two bytes', 'f81f', 'ERR_CBOR_RESERVED', 'f6'],
  ])
})

describe('what the subset leaves out, by name', () => {
  judge([
    ['tag 18 twice', 'd2d280', 'ERR_CBOR_TAG', '80'],
    ['the tag of self-described CBOR', 'd9d9f7a0', 'ERR_CBOR_TAG', 'a0'],
    ['a bignum', 'c24101', 'ERR_CBOR_TAG', '4101'],
    ['a tag inside an array', '8200c100', 'ERR_CBOR_TAG', '820000'],
    ['a tag on a key', 'a1c16000', 'ERR_CBOR_KEY_TYPE', 'a16000'],
    ['a tag without content', 'c0', 'ERR_CBOR_TAG', '00'],
    ['half a float', 'f90000', 'ERR_CBOR_FLOAT', '00'],
    ['a float of four bytes', 'fa3f800000', 'ERR_CBOR_FLOAT', '01'],
    ['a float of eight bytes', 'fb3ff0000000000000', 'ERR_CBOR_FLOAT', '01'],
    ['not a number', 'f97e00', 'ERR_CBOR_FLOAT', '00'],
    ['undefined', 'f7', 'ERR_CBOR_SIMPLE_VALUE', 'f6'],
    ['simple(0)', 'e0', 'ERR_CBOR_SIMPLE_VALUE', 'f4'],
    ['simple(255)', 'f8ff', 'ERR_CBOR_SIMPLE_VALUE', 'f5'],
    ['bytes in two chunks', '5f41014102ff', 'ERR_CBOR_INDEFINITE_STRING', '420102'],
    ['a text in one chunk', '7f6161ff', 'ERR_CBOR_INDEFINITE_STRING', '6161'],
    ['bytes in no chunk', '5fff', 'ERR_CBOR_INDEFINITE_STRING', '40'],
  ])
})

describe('chunks that are ill-formed (section 3.2.3)', () => {
  judge([
    ['an integer as a chunk of bytes', '5f01ff', 'ERR_CBOR_RESERVED', '4101'],
    ['a text as a chunk of bytes', '5f6161ff', 'ERR_CBOR_RESERVED', '4161'],
    ['bytes as a chunk of a text', '7f4161ff', 'ERR_CBOR_RESERVED', '6161'],
    ['a chunk that has chunks', '5f5f4101ffff', 'ERR_CBOR_RESERVED', '4101'],
    ['chunks without an end', '5f4101', 'ERR_CBOR_TRUNCATED', '4101'],
  ])
})

describe('breaks in the wrong place (section 3.2.1)', () => {
  judge([
    ['a break alone', 'ff', 'ERR_CBOR_BREAK', 'f6'],
    ['a break in an array of one', '81ff', 'ERR_CBOR_BREAK', '8100'],
    ['a break for a key', 'a1ff00', 'ERR_CBOR_BREAK', 'a10000'],
    ['a break for a value', 'a100ff', 'ERR_CBOR_BREAK', 'a10000'],
    ['a break between key and value', 'bf00ff', 'ERR_CBOR_BREAK', 'bf0000ff'],
    ['a break after the item', '00ff', 'ERR_CBOR_TRAILING_BYTES', '00'],
  ])
})

describe('input that ends too early or too late', () => {
  judge([
    ['nothing', '', 'ERR_CBOR_TRUNCATED', '00'],
    ['a head without its byte', '18', 'ERR_CBOR_TRUNCATED', '1818'],
    ['a head with seven of its eight bytes', '1b01010101010101', 'ERR_CBOR_TRUNCATED', '1b0101010101010101'],
    ['a float cut short', 'f900', 'ERR_CBOR_TRUNCATED', '00'],
    ['bytes cut short', '4201', 'ERR_CBOR_TRUNCATED', '4101'],
    ['bytes of 2^63 - 1', '5b7fffffffffffffff', 'ERR_CBOR_TRUNCATED', '40'],
    ['an array of two with one', '8200', 'ERR_CBOR_TRUNCATED', '8100'],
    ['an array of 2^32', '9b000000010000000000', 'ERR_CBOR_TRUNCATED', '8100'],
    ['a map whose last value is missing', 'a100', 'ERR_CBOR_TRUNCATED', 'a10000'],
    ['an array without an end', '9f00', 'ERR_CBOR_TRUNCATED', '9f00ff'],
    ['a map without an end', 'bf0000', 'ERR_CBOR_TRUNCATED', 'bf0000ff'],
    ['a second item', '0000', 'ERR_CBOR_TRAILING_BYTES', '00'],
    ['a null after a map', 'a0f6', 'ERR_CBOR_TRAILING_BYTES', 'a0'],
    ['16,385 bytes', item('593ffe', 16_382), 'ERR_CBOR_TOO_LARGE', item('593ffd', 16_381)],
    ['4,097 items', item('991000', 4096), 'ERR_CBOR_TOO_LARGE', item('990fff', 4095)],
    ['nine arrays in one another', `${'81'.repeat(9)}00`, 'ERR_CBOR_DEPTH', `${'81'.repeat(8)}00`],
    ['nine maps in one another', `${'a100'.repeat(9)}00`, 'ERR_CBOR_DEPTH', `${'a100'.repeat(8)}00`],
  ])
})

describe('texts and keys', () => {
  judge([
    ['a text of Latin-1', '61e9', 'ERR_CBOR_UTF8', '62c3a9'],
    ['a text with a surrogate', '63eda080', 'ERR_CBOR_UTF8', '63ed9fbf'],
    ['a text with an overlong letter', '62c1a1', 'ERR_CBOR_UTF8', '6161'],
    ['a text beyond U+10FFFF', '64f4908080', 'ERR_CBOR_UTF8', '64f48fbfbf'],
    ['a text cut inside a letter', '61c3', 'ERR_CBOR_UTF8', '62c3a9'],
    ['a text that starts with a byte order mark', '64efbbbf61', 'ERR_CBOR_UTF8', '6461efbbbf'],
    ['a key that is not UTF-8', 'a161ff00', 'ERR_CBOR_UTF8', 'a1617f00'],
    ['a number twice as a key', 'a200000001', 'ERR_CBOR_DUPLICATE_KEY', 'a200000101'],
    ['a text twice as a key', 'a2616100616101', 'ERR_CBOR_DUPLICATE_KEY', 'a2616100616201'],
    ['a key twice in an indefinite map', 'bf00600060ff', 'ERR_CBOR_DUPLICATE_KEY', 'bf00600160ff'],
    ['bytes as a key', 'a1410000', 'ERR_CBOR_KEY_TYPE', 'a1610000'],
    ['an array as a key', 'a18000', 'ERR_CBOR_KEY_TYPE', 'a10080'],
    ['a map as a key', 'a1a000', 'ERR_CBOR_KEY_TYPE', 'a100a0'],
    ['null as a key', 'a1f600', 'ERR_CBOR_KEY_TYPE', 'a100f6'],
    ['a float as a key', 'a1f9000000', 'ERR_CBOR_FLOAT', 'a10000'],
  ])
})
