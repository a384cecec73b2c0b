import { describe, expect, it } from 'vitest'
import { objectIdentifier, primitive, TAG } from '../../shared/asn1.js'
import { code } from '../support/errors.js'

const oid = (content: string) =>
  objectIdentifier(primitive(TAG.OBJECT_IDENTIFIER, Buffer.from(content, 'hex')))

describe('an object identifier', () => {
  it.each([
    ['7 bytes', `${'ff'.repeat(6)}7f`, `2.${2n ** 49n - 81n}`],
    ['8 bytes', `${'ff'.repeat(7)}7f`, `2.${2n ** 56n - 81n}`],
  ])('may begin with an arc of %s, which is not rounded', (_, content, text) => {
    expect(oid(content)).toBe(text)
  })

  it('may have 32 bytes', () => {
    expect(oid('2a'.repeat(32))).toBe(`1.2${'.42'.repeat(31)}`)
  })

  it('ends with the last byte of an arc, whatever bits that byte has', async () => {
    expect(await code(() => oid('558180'))).toBe('ERR_BER')
    expect(oid('558100')).toBe('2.5.128')
  })
})
