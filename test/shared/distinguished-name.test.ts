import { describe, expect, it } from 'vitest'
import { constructed, primitive, TAG } from '../../shared/asn1.js'
import { distinguishedName } from '../../shared/distinguished-name.js'
import { code } from '../support/errors.js'

const UTF8_STRING = 12
const attribute = (oid: string, text: string) =>
  constructed(TAG.SEQUENCE, [
    primitive(TAG.OBJECT_IDENTIFIER, Buffer.from(oid, 'hex')),
    primitive(UTF8_STRING, Buffer.from(text)),
  ])
const named = (...sets: ReturnType<typeof attribute>[][]) =>
  distinguishedName(
    constructed(
      TAG.SEQUENCE,
      sets.map((set) => constructed(TAG.SET, set)),
    ),
  )
const cn = (text: string) => named([attribute('550403', text)])

describe('a distinguished name for people', () => {
  it('keeps a byte order mark, escaped: a name with one is another name', () => {
    expect(cn('\ufeffx')).toBe('CN=\\u{feff}x')
  })

  it('stands in its own order, with short names where there are any', () => {
    const name = named(
      [attribute('550406', 'US')],
      [attribute('550408', 'WA'), attribute('550407', 'Seattle')],
      [attribute('2a0304', 'x')],
    )
    expect(name).toBe('C=US, ST=WA+L=Seattle, 1.2.3.4=x')
  })

  it('cannot pretend to be two attributes', () => {
    expect(cn('a, CN=root')).toBe('CN=a\\, CN\\=root')
    expect(cn('a+O=b\\')).toBe('CN=a\\+O\\=b\\\\')
  })

  it.each([
    ['a colour', '\u001b[31mred', '\\u{1b}[31mred'],
    ['a new line', 'a\r\nb', 'a\\u{d}\\u{a}b'],
    ['text from right to left', 'a\u202eb', 'a\\u{202e}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['an invisible character', 'a\u200bb', 'a\\u{200b}b'],
    ['a C1 control', 'a\u009b31m', 'a\\u{9b}31m'],
  ])('cannot drive a terminal or forge a log line with %s', (_, text, expected) => {
    expect(cn(text)).toBe(`CN=${expected}`)
  })

  it('keeps letters of other scripts', () => {
    expect(cn('Zürich 水')).toBe('CN=Zürich 水')
  })

  it.each([
    ['nothing', undefined],
    ['a set', constructed(TAG.SET, [])],
    [
      'a sequence of attributes without sets',
      constructed(TAG.SEQUENCE, [constructed(TAG.SEQUENCE, [attribute('550403', 'a')])]),
    ],
    [
      'an attribute without a value',
      constructed(TAG.SEQUENCE, [constructed(TAG.SET, [constructed(TAG.SEQUENCE, [])])]),
    ],
  ])('is not read from %s', async (_, value) => {
    expect(await code(() => distinguishedName(value))).toBe('ERR_BER')
  })
})
