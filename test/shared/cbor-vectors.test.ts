import { expect, it } from 'vitest'
import { type CborValue, decodeCbor } from '../../shared/cbor.js'
import { FormatError } from '../../shared/errors.js'
import { code, refusal } from '../support/errors.js'
import { readJsonVector, withVectors } from '../support/vectors.js'

interface Example {
  readonly hex: string
  readonly decoded?: unknown
}

interface Malformed {
  readonly items: readonly { readonly group: string; readonly hex: string }[]
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** RFC 8949, appendix A: what stands outside the subset, and the feature that the refusal names. */
const REFUSED: Readonly<Record<string, string>> = {
  c249010000000000000000: 'ERR_CBOR_TAG',
  c349010000000000000000: 'ERR_CBOR_TAG',
  c074323031332d30332d32315432303a30343a30305a: 'ERR_CBOR_TAG',
  c11a514b67b0: 'ERR_CBOR_TAG',
  c1fb41d452d9ec200000: 'ERR_CBOR_TAG',
  d74401020304: 'ERR_CBOR_TAG',
  d818456449455446: 'ERR_CBOR_TAG',
  d82076687474703a2f2f7777772e6578616d706c652e636f6d: 'ERR_CBOR_TAG',
  f90000: 'ERR_CBOR_FLOAT',
  f98000: 'ERR_CBOR_FLOAT',
  f93c00: 'ERR_CBOR_FLOAT',
  fb3ff199999999999a: 'ERR_CBOR_FLOAT',
  f93e00: 'ERR_CBOR_FLOAT',
  f97bff: 'ERR_CBOR_FLOAT',
  fa47c35000: 'ERR_CBOR_FLOAT',
  fa7f7fffff: 'ERR_CBOR_FLOAT',
  fb7e37e43c8800759c: 'ERR_CBOR_FLOAT',
  f90001: 'ERR_CBOR_FLOAT',
  f90400: 'ERR_CBOR_FLOAT',
  f9c400: 'ERR_CBOR_FLOAT',
  fbc010666666666666: 'ERR_CBOR_FLOAT',
  f97c00: 'ERR_CBOR_FLOAT',
  f97e00: 'ERR_CBOR_FLOAT',
  f9fc00: 'ERR_CBOR_FLOAT',
  fa7f800000: 'ERR_CBOR_FLOAT',
  fa7fc00000: 'ERR_CBOR_FLOAT',
  faff800000: 'ERR_CBOR_FLOAT',
  fb7ff0000000000000: 'ERR_CBOR_FLOAT',
  fb7ff8000000000000: 'ERR_CBOR_FLOAT',
  fbfff0000000000000: 'ERR_CBOR_FLOAT',
  f7: 'ERR_CBOR_SIMPLE_VALUE',
  f0: 'ERR_CBOR_SIMPLE_VALUE',
  // simple(24) has no well-formed encoding since RFC 8949, section 3.3.
  f818: 'ERR_CBOR_RESERVED',
  f8ff: 'ERR_CBOR_SIMPLE_VALUE',
  '5f42010243030405ff': 'ERR_CBOR_INDEFINITE_STRING',
  '7f657374726561646d696e67ff': 'ERR_CBOR_INDEFINITE_STRING',
}

/** What the vector file gives as diagnostic notation only, or in digits that JSON.parse rounds. */
const VALUES: Readonly<Record<string, CborValue>> = {
  '1bffffffffffffffff': 18446744073709551615n,
  '3bffffffffffffffff': -18446744073709551616n,
  '40': new Uint8Array(0),
  '4401020304': Uint8Array.of(1, 2, 3, 4),
  a201020304: new Map([
    [1, 2],
    [3, 4],
  ]),
}

/** Maps as the plain objects that JSON has. */
function plain(value: CborValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
  return Array.isArray(value) ? value.map(plain) : value
}

withVectors('RFC 8949, appendix A', (directory) => {
  const examples = readJsonVector<Example[]>(directory, 'cbor/appendix_a.json')
  const refused = examples.filter((example) => example.hex in REFUSED)
  const listed = examples.filter((example) => example.hex in VALUES)
  const read = examples.filter((example) => !(example.hex in REFUSED) && !(example.hex in VALUES))

  it('is covered as a whole: every example is read or expected to be refused', () => {
    expect(refused.length).toBe(Object.keys(REFUSED).length)
    expect(listed.length).toBe(Object.keys(VALUES).length)
    expect(read.filter((example) => !('decoded' in example))).toEqual([])
    expect(read.length).toBeGreaterThan(35)
  })

  it.each(read)('$hex is read as its value', (example) => {
    expect(plain(decodeCbor(hex(example.hex)))).toEqual(example.decoded)
  })

  it.each(listed)('$hex is read exactly', (example) => {
    expect(decodeCbor(hex(example.hex))).toEqual(VALUES[example.hex])
  })

  it.each(refused)('$hex is refused by the name of what it uses', async (example) => {
    expect(await code(() => decodeCbor(hex(example.hex)))).toBe(REFUSED[example.hex])
  })
})

withVectors('RFC 8949, appendix F', (directory) => {
  const { items } = readJsonVector<Malformed>(directory, 'cbor/rfc8949_appendix_f.json')

  it.each(items)('refuses $hex ($group)', async (item) => {
    expect(await refusal(() => decodeCbor(hex(item.hex)))).toBeInstanceOf(FormatError)
  })
})
