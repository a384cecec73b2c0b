import { describe, expect, it } from 'vitest'
import { ecdsaSignature } from '../../shared/ecdsa-signature.js'
import { code } from '../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('a signature in DER', () => {
  it.each([
    ['as long as the curve', '3008 0202 1234 0202 5678', '1234 5678'],
    ['with a sign byte', '300a 0203 008234 0203 00ffff', '8234 ffff'],
    ['short, one and the other', '3006 0201 12 0201 7f', '0012 007f'],
    ['zero, which the curve refuses', '3006 0201 00 0201 01', '0000 0001'],
  ])('is r || s: %s', (_, der, signature) => {
    expect(text(ecdsaSignature(hex(der), 2))).toBe(text(hex(signature)))
  })

  it.each([
    ['an r longer than the curve', '3009 0203 123456 0202 5678'],
    ['an s longer than the curve', '3009 0202 1234 0203 345678'],
    ['a negative r', '3008 0202 8234 0202 5678'],
    ['a negative s', '3008 0202 1234 0202 8078'],
    ['one number', '3004 0202 1234'],
    ['three numbers', '3009 0201 01 0201 02 0201 03'],
    ['a set of them', '3108 0202 1234 0202 5678'],
    ['an octet string for a number', '3008 0402 1234 0202 5678'],
    ['a number that is padded', '3009 0203 001234 0202 5678'],
    ['bytes after it', '3006 0201 01 0201 02 00'],
    ['nothing', ''],
  ])('is not %s', async (_, der) => {
    expect(await code(() => ecdsaSignature(hex(der), 2))).toBe('ERR_BER')
  })
})
