/** RFC 8949, appendix F: each example is refused by the name of what is wrong with it. */
import { expect, it } from 'vitest'
import { decodeCbor } from '../../shared/cbor.js'
import { code } from '../support/errors.js'
import { readJsonVector, withVectors } from '../support/vectors.js'

interface Malformed {
  readonly items: readonly { readonly group: string; readonly hex: string }[]
}

/** By the number of the appendix's subkind and the words that tell its lists apart. */
const CODES: Readonly<Record<string, readonly [count: number, code: string]>> = {
  'kind2 end of input in a head': [18, 'ERR_CBOR_TRUNCATED'],
  'kind2 definite-length strings with short data': [6, 'ERR_CBOR_TRUNCATED'],
  'kind2 definite-length maps and arrays not closed with enough items': [7, 'ERR_CBOR_TRUNCATED'],
  'kind2 tag number not followed by tag content': [1, 'ERR_CBOR_TAG'],
  'kind2 indefinite-length strings not closed by break': [2, 'ERR_CBOR_TRUNCATED'],
  'kind2 indefinite-length maps and arrays not closed by break': [8, 'ERR_CBOR_TRUNCATED'],
  'kind3.1 reserved additional information values': [24, 'ERR_CBOR_RESERVED'],
  'kind3.2 reserved two-byte encodings of simple values': [4, 'ERR_CBOR_RESERVED'],
  'kind3.3 indefinite-length string chunks not of the correct type': [8, 'ERR_CBOR_RESERVED'],
  'kind3.3 indefinite-length string chunks not definite length': [2, 'ERR_CBOR_RESERVED'],
  'kind3.4 break on its own': [1, 'ERR_CBOR_BREAK'],
  'kind3.4 break in a definite-length array or map or a tag': [8, 'ERR_CBOR_BREAK'],
  'kind3.4 break in value position of an indefinite-length map': [2, 'ERR_CBOR_BREAK'],
  'kind3.5 major type 0,1,6 with additional information 31': [3, 'ERR_CBOR_RESERVED'],
}

/** Where another rule is broken earlier in the bytes. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  // A tag is refused as one, whatever its head says.
  d8: 'ERR_CBOR_TAG',
  dc: 'ERR_CBOR_TAG',
  dd: 'ERR_CBOR_TAG',
  de: 'ERR_CBOR_TAG',
  df: 'ERR_CBOR_TAG',
  // Nine arrays in one another: the ninth is not opened.
  '818181818181818181': 'ERR_CBOR_DEPTH',
  // The key stands twice before the end is missing, or comes too early.
  bf01020102: 'ERR_CBOR_DUPLICATE_KEY',
  bf000000ff: 'ERR_CBOR_DUPLICATE_KEY',
  // Fewer bytes are left than the pairs have at least: nothing is read of them.
  a1ff: 'ERR_CBOR_TRUNCATED',
  a20000ff: 'ERR_CBOR_TRUNCATED',
}

withVectors('RFC 8949, appendix F, by name', (directory) => {
  const { items } = readJsonVector<Malformed>(directory, 'cbor/rfc8949_appendix_f.json')

  it('is there as a whole', () => {
    const counts = Object.entries(CODES).map(([group, [count]]) => [group, count])
    const found = Object.keys(CODES).map((group) => [
      group,
      items.filter((item) => item.group === group).length,
    ])
    expect(found).toEqual(counts)
    expect(items).toHaveLength(94)
  })

  it.each(items)('$hex is refused for its $group', async (item) => {
    expect(await code(() => decodeCbor(Buffer.from(item.hex, 'hex')))).toBe(
      EXCEPTIONS[item.hex] ?? CODES[item.group]?.[1],
    )
  })
})
