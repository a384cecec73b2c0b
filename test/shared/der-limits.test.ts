import { describe, expect, it } from 'vitest'
import { CONTEXT, is } from '../../shared/asn1.js'
import { readDer } from '../../shared/der.js'
import { code } from '../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const refusal = (text: string) => code(() => readDer(hex(text)))
const inHex = (number: number, digits: number) => number.toString(16).padStart(digits, '0')

describe('DER', () => {
  it('nests 16 deep, and no deeper', async () => {
    const nested = (levels: number): string =>
      Array.from({ length: levels }).reduce<string>((inner) => `30${inHex(inner.length / 2, 2)}${inner}`, '')
    expect(() => readDer(hex(nested(16)))).not.toThrow()
    expect(await refusal(nested(17))).toBe('ERR_BER')
  })

  it.each([0, 1, 127, 128, 255, 256, 65_535])('holds %i bytes', (length) => {
    const head =
      length < 0x80 ? inHex(length, 2) : length < 0x100 ? `81${inHex(length, 2)}` : `82${inHex(length, 4)}`
    const { content, encoding } = readDer(hex(`04${head}${'07'.repeat(length)}`))
    expect(Buffer.from(content).equals(new Uint8Array(length).fill(7))).toBe(true)
    expect(encoding).toHaveLength(1 + head.length / 2 + length)
  })

  it('has no indefinite length, whatever follows', async () => {
    expect(await refusal(`0480${'00'.repeat(128)}`)).toBe('ERR_BER')
    expect(await refusal(`3080${'0500'.repeat(64)}`)).toBe('ERR_BER')
  })

  it.each(['81 01 05', '82 00', '83 02 0801', '85 01 00'])(
    'says nothing of what is in a tag of another class: %s',
    (text) => {
      const value = readDer(hex(text))
      expect(is(value, value.tag, CONTEXT)).toBe(true)
      expect(value.content).toEqual(hex(text).subarray(2))
    },
  )

  it.each(['1f0105', '5f0105', '9f0105', 'bf020500'])(
    'has no tag number of several bytes: %s',
    async (text) => {
      expect(await refusal(text)).toBe('ERR_BER')
    },
  )

  it('looks for hidden bits in the last byte of a bit string, and in no other', async () => {
    expect(await refusal('0303 01 02 01')).toBe('ERR_BER')
    expect(readDer(hex('0303 01 01 02')).content).toHaveLength(3)
  })

  it('gives no content of what has children', () => {
    const { content, children } = readDer(hex('3003 020105'))
    expect([content.length, children.length]).toEqual([0, 1])
  })
})
