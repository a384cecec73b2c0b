import { describe, expect, it } from 'vitest'
import { decodeCbor } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { parseSign1, toBeSigned } from '../../shared/cose.js'
import { code } from '../support/errors.js'

/** Each on one side of a length whose head is longer (RFC 8949, section 3). */
const LENGTHS = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 0x012345]
const counted = (length: number) => Uint8Array.from({ length }, (_, i) => i)

describe('what a COSE_Sign1 signs (RFC 9052, section 4.4)', () => {
  it.each(LENGTHS)('is a Sig_structure in CBOR, also around %i bytes', (length) => {
    for (const [protectedHeader, payload] of [
      [counted(4), counted(length)],
      [counted(length), counted(7)],
    ] as const) {
      const structure = encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload])
      expect(Buffer.from(toBeSigned({ protectedHeader, payload })).equals(structure)).toBe(true)
    }
  })
})

describe('a COSE_Sign1', () => {
  const message = (length: number) =>
    encodeCbor([encodeCbor(new Map([[1, -35]])), new Map(), counted(length), new Uint8Array(96)])

  it('has at most the bytes that its reader allows', async () => {
    for (const length of [10, 30_000]) {
      const bytes = message(length)
      expect(parseSign1(bytes, bytes.length).payload).toEqual(counted(length))
      expect(await code(() => parseSign1(bytes, bytes.length - 1))).toBe('ERR_CBOR_TOO_LARGE')
    }
  })
})

describe('an integer of eight bytes', () => {
  it('is a number where it is exact, wherever it stands', () => {
    const value = [2 ** 32, new Map([[2 ** 33, [new Map([['a', -(2 ** 34)]])]]])]
    expect(decodeCbor(encodeCbor(value))).toEqual(value)
  })
})
