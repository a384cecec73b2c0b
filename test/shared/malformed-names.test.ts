import { describe, expect, it } from 'vitest'
import { type Asn1Value, CONTEXT, constructed, primitive, TAG } from '../../shared/asn1.js'
import { distinguishedName } from '../../shared/distinguished-name.js'
import { code } from '../support/errors.js'

const sequence = (...children: Asn1Value[]) => constructed(TAG.SEQUENCE, children)
const set = (...children: Asn1Value[]) => constructed(TAG.SET, children)
const CN = primitive(TAG.OBJECT_IDENTIFIER, Buffer.from('550403', 'hex'))
const text = (tag = 12, tagClass = 0) => primitive(tag, Buffer.from('x'), tagClass)
const named = (...attribute: Asn1Value[]) => sequence(set(sequence(...attribute)))

describe('a distinguished name', () => {
  it.each([12, 19, 22])('has texts of tag %i', (tag) => {
    expect(distinguishedName(named(CN, text(tag)))).toBe('CN=x')
  })

  it.each([
    ['550403', 'CN'],
    ['550406', 'C'],
    ['550407', 'L'],
    ['550408', 'ST'],
    ['55040a', 'O'],
    ['55040b', 'OU'],
    ['550405', '2.5.4.5'],
  ])('calls %s %s', (type, name) => {
    const identifier = primitive(TAG.OBJECT_IDENTIFIER, Buffer.from(type, 'hex'))
    expect(distinguishedName(named(identifier, text()))).toBe(`${name}=x`)
  })

  it.each<[string, Asn1Value | undefined]>([
    ['nothing', undefined],
    ['a set', set(set(sequence(CN, text())))],
    ['a text', text()],
    ['one whose parts are sequences', sequence(sequence(sequence(CN, text())))],
    ['one with a part of no attribute', sequence(set())],
    ['one with a good part and one of no attribute', sequence(set(sequence(CN, text())), set())],
    ['one whose attribute is a set', sequence(set(set(CN, text())))],
    ['one whose attribute is a text', sequence(set(text()))],
    ['one whose attribute is nothing', named()],
    ['one whose attribute has a type alone', named(CN)],
    ['one whose attribute has two values', named(CN, text(), text())],
    ['one whose attribute is of a type that is text', named(text(), text())],
    ['one whose attribute is a number', named(CN, text(TAG.INTEGER))],
    ['one whose attribute is a string of bytes', named(CN, text(TAG.OCTET_STRING))],
    ['one whose attribute is of 32-bit characters', named(CN, text(28))],
    ['one whose attribute is of 16-bit characters', named(CN, text(30))],
    ['one whose attribute is a sequence', named(CN, sequence(text()))],
    ['one whose text is not UTF-8', named(CN, primitive(12, Uint8Array.of(0xff)))],
    ['one whose attribute is of another class', named(CN, text(12, CONTEXT))],
  ])('is not %s', async (_, value) => {
    expect(await code(() => distinguishedName(value))).toBe('ERR_BER')
  })
})
