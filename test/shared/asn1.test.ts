import { describe, expect, it } from 'vitest'
import { objectIdentifier, primitive, TAG } from '../../shared/asn1.js'
import { code } from '../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const oid = (content: string) => objectIdentifier(primitive(TAG.OBJECT_IDENTIFIER, hex(content)))

describe('object identifiers', () => {
  it.each([
    ['550403', '2.5.4.3'],
    ['2a8648ce3d040303', '1.2.840.10045.4.3.3'],
    ['2b81040022', '1.3.132.0.34'],
    ['8837', '2.999'],
    ['00', '0.0'],
    ['4f', '1.39'],
    ['50', '2.0'],
  ])('reads %s as %s', (content, expected) => {
    expect(oid(content)).toBe(expected)
  })

  it('reads an arc of 128 bits without rounding it', () => {
    expect(oid(`6983${'ff'.repeat(17)}7f`)).toBe(`2.25.${2n ** 128n - 1n}`)
  })

  it.each([
    ['an empty one', ''],
    ['one that ends in the middle of an arc', '551d0f80'],
    ['one of nothing but a continued arc', '8181'],
    ['one with a padded arc', '551d800f'],
    ['one with a padded first arc', '80551d0f'],
    ['one of more than 32 bytes', '2a'.repeat(33)],
  ])('refuses %s', async (_, content) => {
    expect(await code(() => oid(content))).toBe('ERR_BER')
  })

  it('does not take another value for one', async () => {
    expect(await code(() => objectIdentifier(primitive(TAG.INTEGER, hex('550403'))))).toBe('ERR_BER')
    expect(await code(() => objectIdentifier(undefined))).toBe('ERR_BER')
  })

  it('does not read 2.5.29.(2^32 + 15) as 2.5.29.15', () => {
    expect(oid('551d908080800f')).toBe('2.5.29.4294967311')
  })
})
