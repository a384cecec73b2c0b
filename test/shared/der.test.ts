import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Asn1Value, constructed, primitive, TAG } from '../../shared/asn1.js'
import { writeDer } from '../../shared/ber.js'
import { readDer } from '../../shared/der.js'
import { FormatError } from '../../shared/errors.js'
import { code } from '../support/errors.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('reading DER', () => {
  it('reads what is DER', () => {
    expect(text(writeDer(readDer(hex('3008 020105 3103 0c0161'))))).toBe('300802010531030c0161')
  })

  it('reads no children of what has none', () => {
    expect(readDer(hex('0500')).children).toEqual([])
  })

  it.each([
    ['an indefinite length', '3080 020105 0000'],
    ['a long form of a short length', '308103 020105'],
    ['a length with a leading zero', `04820080${'00'.repeat(128)}`],
    ['a padded integer', '0202 0005'],
    ['an integer padded twice', '0203 000005'],
    ['a padded negative integer', '0202 ffff'],
    ['a constructed octet string', '2403 040161'],
    ['a primitive sequence', '1000'],
    ['a primitive set inside', '3002 1100'],
    ['an end-of-contents among the children', '3002 0000'],
  ])('refuses %s', async (_, bytes) => {
    expect(await code(() => readDer(hex(bytes)))).toBe('ERR_BER')
  })

  it('gives back the bytes that it read', () => {
    const { value } = fc.letrec<{ value: Asn1Value }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc
          .tuple(fc.constantFrom(TAG.OCTET_STRING, 12, 19), fc.uint8Array({ maxLength: 300 }))
          .map(([tag, content]) => primitive(tag, Buffer.from(content))),
        fc
          .tuple(fc.constantFrom(TAG.SEQUENCE, TAG.SET), fc.array(tie('value'), { maxLength: 4 }))
          .map(([tag, children]) => constructed(tag, children)),
      ),
    }))
    fc.assert(
      fc.property(value, (tree) => {
        const written = writeDer(tree)
        const value = readDer(written)
        expect(text(value.encoding)).toBe(text(written))
        expect(text(writeDer(value))).toBe(text(written))
      }),
    )
  })

  it.each([
    ['an empty integer', '0200'],
    ['an empty boolean', '0100'],
    ['a boolean of two bytes', '0102 ffff'],
    ['a boolean that is neither', '0101 01'],
    ['a NULL with content', '0501 00'],
    ['an empty bit string', '0300'],
    ['a bit string without bytes that has unused bits', '0301 01'],
    ['eight unused bits', '0302 0800'],
    ['bits hidden among the unused', '0302 0101'],
    ['a length of three bytes', `0483010000${'00'.repeat(65_536)}`],
    ['bytes after the value', '0500 00'],
    ['a child longer than its parent', '3003 0202 0505'],
    ['a length without its bytes', '0482 01'],
    ['nothing', ''],
    ['a tag number of two bytes', '1f8101 00'],
    [
      'seventeen levels inside one',
      `${[...Array(17)].reduce((inner: string) => `30${(inner.length / 2).toString(16).padStart(2, '0')}${inner}`, '3000')}`,
    ],
  ])('refuses %s', async (_, bytes) => {
    expect(await code(() => readDer(hex(bytes)))).toBe('ERR_BER')
  })

  it('gives views of the bytes that it read', () => {
    const bytes = hex('3003 020105')
    const [child] = readDer(bytes).children
    expect([child?.content.buffer, child?.encoding.byteOffset]).toEqual([bytes.buffer, bytes.byteOffset + 2])
  })

  it('reads arbitrary bytes or refuses them with a FormatError', () => {
    const head = fc.constantFrom(0x30, 0x31, 0xa0, 0x01, 0x02, 0x03, 0x04, 0x05, 0x80, 0x81, 0x82, 0x00)
    const bytes = fc.array(fc.oneof(head, fc.integer({ min: 0, max: 255 })), { maxLength: 40 })
    const property = fc.property(bytes, (input) => {
      try {
        readDer(Uint8Array.from(input))
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError)
      }
    })
    fc.assert(property, { numRuns: 10_000 })
  })
})
