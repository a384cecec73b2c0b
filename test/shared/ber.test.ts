import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTEXT, constructed, is, primitive, TAG } from '../../shared/asn1.js'
import { readBer, writeDer } from '../../shared/ber.js'
import { FormatError } from '../../shared/errors.js'
import { code } from '../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('reading BER', () => {
  it('reads definite and indefinite lengths alike', () => {
    const expected = constructed(TAG.SEQUENCE, [primitive(TAG.INTEGER, Buffer.from([5]))])
    expect(readBer(hex('30 03 020105'))).toEqual(expected)
    expect(readBer(hex('30 80 020105 0000'))).toEqual(expected)
  })

  it('keeps the class of a tag', () => {
    const value = readBer(hex('80 01 07'))
    expect([is(value, 0, CONTEXT), is(value, 0), text(value.content)]).toEqual([true, false, '07'])
  })

  it('keeps the first byte of a bit string, which counts unused bits', () => {
    expect(text(readBer(hex('03 02 06c0')).content)).toBe('06c0')
  })

  it('does not open what a bit string seems to hold', () => {
    expect(readBer(hex('03 04 00 020105')).children).toEqual([])
  })

  it.each([
    ['nothing', ''],
    ['a tag alone', '02'],
    ['a value cut short', '0202 05'],
    ['a child longer than its parent', '3003 0202 0505'],
    ['bytes after the value', '020105 00'],
    ['an indefinite value without an end', '3080 020105'],
    ['a primitive value of indefinite length', '0480 0000'],
    ['a length of 2^32 - 1', '0484ffffffff'],
    ['a length of nine bytes', '0489010000000000000000'],
    ['a length of 127 bytes', '04ff00'],
    ['a tag number of two bytes', '1f8101 00'],
    ['a tag number of two bytes in another class', '3004 9f210100'],
    ['a BMPString, which the parser reads as characters', '1e02 0041'],
    ['a BMPString of odd length, which would swallow the value after it', '3006 1e0141 020105'],
    ['seventeen levels', `${'3080'.repeat(17)}${'0000'.repeat(17)}`],
  ])('refuses %s', async (_, bytes) => {
    expect(await code(() => readBer(hex(bytes)))).toBe('ERR_BER')
  })

  it('reads sixteen levels', () => {
    expect(is(readBer(hex(`${'3080'.repeat(16)}${'0000'.repeat(16)}`)), TAG.SEQUENCE)).toBe(true)
  })

  it('reads arbitrary bytes or refuses them with a FormatError', () => {
    const head = fc.constantFrom(0x30, 0x31, 0xa0, 0x02, 0x03, 0x04, 0x1e, 0x1f, 0x80, 0x81, 0x84, 0x00)
    const bytes = fc.array(fc.oneof(head, fc.integer({ min: 0, max: 255 })), { maxLength: 40 })
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          readBer(Uint8Array.from(input))
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('writing DER', () => {
  it.each([
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ])('writes a length of %i in its shortest form', (length, head) => {
    const written = writeDer(primitive(TAG.OCTET_STRING, new Uint8Array(length)))
    expect(text(written.subarray(0, head.length / 2))).toBe(head)
  })
})
