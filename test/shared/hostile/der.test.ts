/** DER that is none, each beside its nearest neighbour that is read (ITU-T X.690). */
import { describe, expect, it } from 'vitest'
import { readDer } from '../../../shared/der.js'
import { code } from '../../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const item = (head: string, length: number): string => head + '00'.repeat(length)
const nested = (levels: number): string =>
  levels === 0 ? '' : `30${(2 * (levels - 1)).toString(16).padStart(2, '0')}${nested(levels - 1)}`

/** What it is, its bytes, and bytes that differ in that one thing. */
type Row = readonly [name: string, refused: string, read: string]

function judge(rows: readonly Row[]): void {
  it.each(rows)('%s', async (_, refused, read) => {
    expect(await code(() => readDer(hex(refused)))).toBe('ERR_BER')
    expect(() => readDer(hex(read))).not.toThrow()
  })
}

describe('lengths (sections 8.1.3 and 10.1)', () => {
  judge([
    ['a length of 1 in two bytes', '04810100', '040100'],
    ['a length of 127 in two bytes', item('04817f', 127), item('047f', 127)],
    ['a length of 128 with a leading zero', item('04820080', 128), item('048180', 128)],
    ['a length of 255 in three bytes', item('048200ff', 255), item('0481ff', 255)],
    ['a length of 256 in four bytes', item('0483000100', 256), item('04820100', 256)],
    ['an indefinite length', '3080 0000', '3000'],
    ['an indefinite length of bytes', '0480 0000', '0400'],
    ['a length in nine bytes', '0489 010000000000000000', '0400'],
    ['the reserved length ff', '04ff', '0400'],
    ['a length of 2^32 - 1', '0484ffffffff', '0400'],
    ['a head without its length', '04', '0400'],
    ['a length without its bytes', '0482 01', '0400'],
    ['a value cut short', '040200', '040100'],
    ['a child longer than its parent', '3003 040200', '3003 040100'],
    ['a parent longer than its child', '3004 040100', '3003 040100'],
    ['bytes after the value', '040100 00', '040100'],
    ['nothing', '', '0500'],
  ])
})

describe('tags (sections 8.1.2 and 10.2)', () => {
  judge([
    ['a tag number of two bytes', '1f2000', '1e00'],
    ['a tag number of two bytes in a class of its own', '9f2000', '9e00'],
    ['an end mark among the children', '3002 0000', '3002 0500'],
    ['a primitive sequence', '1000', '3000'],
    ['a primitive set', '1100', '3100'],
    ['a constructed integer', '2203 020100', '020100'],
    ['a constructed string of bytes', '2403 040100', '040100'],
    ['a constructed bit string', '2304 03020000', '03020000'],
    ['a constructed UTF-8 text', '2c03 0c0161', '0c0161'],
    ['seventeen levels', nested(17), nested(16)],
  ])
})

describe('contents that have one form only (sections 8 and 11)', () => {
  judge([
    ['an empty integer', '0200', '020100'],
    ['a padded positive integer', '0202 007f', '02017f'],
    ['an integer that needs its zero, padded once more', '0203 000080', '0202 0080'],
    ['a padded negative integer', '0202 ff80', '020180'],
    ['an empty boolean', '0100', '010100'],
    ['a boolean of 01', '010101', '0101ff'],
    ['a boolean of two bytes', '0102ffff', '0101ff'],
    ['a NULL with content', '050100', '0500'],
    ['an empty bit string', '0300', '030100'],
    ['eight unused bits', '03020800', '03020700'],
    ['unused bits of an empty bit string', '030101', '030100'],
    ['a bit hidden among the unused ones', '03020701', '03020780'],
  ])
})
