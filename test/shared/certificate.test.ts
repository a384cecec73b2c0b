import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Asn1Value, constructed, primitive, TAG } from '../../shared/asn1.js'
import { readBer, writeDer } from '../../shared/ber.js'
import { parseCertificate } from '../../shared/certificate.js'
import { VerificationError } from '../../shared/errors.js'
import {
  buildChain,
  type Chain,
  type Difference,
  editExtensions,
  extension,
  FROM,
  makeKeys,
  makeRsaKeys,
  TO,
} from '../support/certificates.js'
import { code, refusal } from '../support/errors.js'

const BASIC_CONSTRAINTS = '551d13'
const KEY_USAGE = '551d0f'
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const integer = (text: string) => primitive(TAG.INTEGER, hex(text))
const leaf = async (difference: Difference) => (await buildChain({ leaf: difference })).certificate
const refusedWith = async (difference: Difference) => {
  const der = await leaf(difference)
  return await code(() => parseCertificate(der))
}
const onlyExtensions = (...list: Asn1Value[]) => editExtensions(() => list)
const at = (index: number, change: (field: Asn1Value) => Asn1Value) => (fields: readonly Asn1Value[]) =>
  fields.map((field, position) => (position === index ? change(field) : field))

let good: Chain
beforeAll(async () => {
  good = await buildChain()
})

describe('reading a certificate', () => {
  it('reads what another reader reads', () => {
    const certificate = parseCertificate(good.certificate)
    const other = new X509Certificate(good.certificate)
    expect(certificate.subjectName).toBe('C=US, O=test, CN=leaf.test')
    expect(certificate.notBefore).toEqual(new Date(other.validFrom))
    expect(certificate.notAfter).toEqual(new Date(other.validTo))
    const { x = '', y = '' } = other.publicKey.export({ format: 'jwk' })
    const point = [Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
    expect(Buffer.from(certificate.publicKey)).toEqual(Buffer.concat(point))
  })

  it('reads dates before and after 2050, which are written in two ways', async () => {
    const notAfter = new Date('2050-01-01T00:00:00Z')
    expect(parseCertificate(await leaf({ notAfter })).notAfter).toEqual(notAfter)
    const notBefore = new Date('1950-01-01T00:00:00Z')
    const early = primitive(TAG.UTC_TIME, Buffer.from('500101000000Z'))
    const edit = at(4, (validity) => ({ ...validity, children: [early, ...validity.children.slice(1)] }))
    expect(parseCertificate(await leaf({ edit })).notBefore).toEqual(notBefore)
  })

  it('reads the CA flag, the path length and the usages', () => {
    const [root, regional, , instance] = good.cabundle.map(parseCertificate)
    expect(root?.basicConstraints).toEqual({ ca: true })
    expect(regional?.basicConstraints).toEqual({ ca: true, pathLength: 2 })
    expect(instance?.keyUsage).toEqual({ digitalSignature: false, keyCertSign: true })
    expect(parseCertificate(good.certificate).basicConstraints).toEqual({ ca: false })
    expect(parseCertificate(good.certificate).keyUsage).toEqual({
      digitalSignature: true,
      keyCertSign: false,
    })
  })

  it('tolerates an unknown extension that is not critical', async () => {
    const der = await leaf({ edit: editExtensions((list) => [...list, extension('2a0304', '0500')]) })
    expect(parseCertificate(der).keyUsage?.digitalSignature).toBe(true)
  })

  it('reads past an extension whose identifier has an arc of 70 bits', async () => {
    const long = extension(`551d${'ff'.repeat(9)}7f`, '0500')
    const der = await leaf({ edit: editExtensions((list) => [...list, long]) })
    expect(parseCertificate(der).keyUsage?.digitalSignature).toBe(true)
  })
})

describe('a certificate that is malformed', () => {
  it.each([1, 2, 500])('refuses %i bytes after the certificate', async (count) => {
    const der = Buffer.concat([good.certificate, Buffer.alloc(count)])
    expect(await code(() => parseCertificate(der))).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it('refuses a certificate cut short anywhere', async () => {
    for (let length = 0; length < good.certificate.length; length += 7) {
      const der = good.certificate.subarray(0, length)
      expect(await code(() => parseCertificate(der))).toBe('ERR_CERTIFICATE_MALFORMED')
    }
  })

  it('refuses an indefinite length, which is BER and no DER', async () => {
    const content = readBer(good.certificate).children.map(writeDer)
    const der = Buffer.concat([hex('3080'), ...content, hex('0000')])
    expect(await code(() => parseCertificate(der))).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it('refuses a length that is longer than needed', async () => {
    const body = Buffer.concat(readBer(good.certificate).children.map(writeDer))
    const head = hex(`308300${body.length.toString(16).padStart(4, '0')}`)
    expect(await code(() => parseCertificate(Buffer.concat([head, body])))).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  const replaced = (index: number, value: Asn1Value) => at(index, () => value)
  const time = (text: string, tag: number = TAG.UTC_TIME) =>
    at(4, ({ children, ...validity }) => ({
      ...validity,
      children: [primitive(tag, Buffer.from(text)), ...children.slice(1)],
    }))

  it.each<[string, NonNullable<Difference['edit']>]>([
    ['version 1', (fields) => fields.slice(1, -1)],
    ['version 2', at(0, (version) => ({ ...version, children: [integer('01')] }))],
    ['version 4', at(0, (version) => ({ ...version, children: [integer('03')] }))],
    ['two versions', at(0, (version) => ({ ...version, children: [integer('02'), integer('02')] }))],
    ['a serial number that is text', replaced(1, primitive(12, hex('61')))],
    ['an empty serial number', replaced(1, integer(''))],
    ['a subject that is a number', replaced(5, integer('01'))],
    ['a subject without sets', replaced(5, constructed(TAG.SEQUENCE, [constructed(TAG.SEQUENCE, [])]))],
    ['an empty set in its subject', replaced(5, constructed(TAG.SEQUENCE, [constructed(TAG.SET, [])]))],
    [
      'a signature algorithm with parameters',
      at(2, (value) => ({ ...value, children: [...value.children, primitive(TAG.NULL, hex(''))] })),
    ],
    ['one date only', at(4, ({ children, ...rest }) => ({ ...rest, children: children.slice(1) }))],
    ['a month of 13', time('261301000000Z')],
    ['30 February', time('260230000000Z')],
    ['an hour of 24', time('260101240000Z')],
    ['a date without seconds', time('2601010000Z')],
    ['a date with a time zone', time('260101000000+0100')],
    ['a date of fractions', time('20260101000000.5Z', TAG.GENERALIZED_TIME)],
    ['a date of two digits as GeneralizedTime', time('260101000000Z', TAG.GENERALIZED_TIME)],
    ['a date of four digits as UTCTime', time('20260101000000Z')],
    ['a date that is a number', time('260101000000Z', TAG.INTEGER)],
    ['a field after its extensions', (fields) => [...fields, integer('01')]],
    [
      'unique identifiers',
      (fields) => [...fields.slice(0, 7), primitive(1, hex('0000'), 0x80), ...fields.slice(7)],
    ],
  ])('refuses %s', async (_, edit) => {
    expect(await refusedWith({ edit })).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it.each([96, 98])('refuses a key of %i bytes that begins like an uncompressed one', async (length) => {
    const edit = at(6, (info) => {
      const bytes = new Uint8Array(1 + length).fill(4, 1)
      return constructed(TAG.SEQUENCE, [info.children[0] ?? info, primitive(TAG.BIT_STRING, bytes)])
    })
    expect(await refusedWith({ edit })).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it('refuses a key in the hybrid form, which says its y twice', async () => {
    const edit = at(6, (info) => {
      const [algorithm, point] = info.children
      const bytes = Buffer.from(point?.content ?? [])
      bytes[1] = 0x06 | ((bytes[97] ?? 0) & 1)
      return constructed(TAG.SEQUENCE, [algorithm ?? info, primitive(TAG.BIT_STRING, bytes)])
    })
    expect(await refusedWith({ edit })).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it('refuses a signature that is no whole number of bytes', async () => {
    const [tbs, algorithm, signature] = readBer(good.certificate).children
    const bits = Buffer.from(signature?.content ?? [])
    bits[0] = 1
    const parts = [tbs, algorithm, primitive(TAG.BIT_STRING, bits)].filter((part) => part !== undefined)
    const der = writeDer(constructed(TAG.SEQUENCE, parts))
    expect(await code(() => parseCertificate(der))).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it('refuses a compressed key', async () => {
    const edit = at(6, (info) => {
      const [algorithm, point] = info.children
      const x = (point?.content ?? hex('')).subarray(2, 50)
      return constructed(TAG.SEQUENCE, [
        algorithm ?? info,
        primitive(TAG.BIT_STRING, Buffer.concat([hex('0002'), x])),
      ])
    })
    expect(await refusedWith({ edit })).toBe('ERR_CERTIFICATE_MALFORMED')
  })
})

describe('extensions that are malformed', () => {
  const constraints = (value: string) => onlyExtensions(extension(BASIC_CONSTRAINTS, value, true))
  const twoFlags = (value: Asn1Value | undefined) => {
    const [id, flag, content] = value?.children ?? []
    const children = [id, flag, flag, content].filter((part) => part !== undefined)
    return [constructed(TAG.SEQUENCE, children)]
  }
  const usage = (value: string) => onlyExtensions(extension(KEY_USAGE, value, true))

  it.each<[string, NonNullable<Difference['edit']>]>([
    ['the same extension twice', editExtensions((list) => [...list, ...list])],
    ['an unknown extension twice', onlyExtensions(extension('2a0304', '0500'), extension('2a0304', '0500'))],
    [
      'an extension without a value',
      onlyExtensions(constructed(TAG.SEQUENCE, [primitive(TAG.OBJECT_IDENTIFIER, hex(KEY_USAGE))])),
    ],
    ['an extension with two flags', editExtensions(([first]) => twoFlags(first))],
    ['an identifier that is cut short', onlyExtensions(extension('551d0f80', '03020780'))],
    ['constraints that are a number', constraints('020101')],
    ['constraints of indefinite length', constraints('3080 0101ff 0000'.replaceAll(' ', ''))],
    ['a true flag other than 0xff', constraints('3003010101')],
    ['a path length of a leaf', constraints('3003020100')],
    ['a negative path length', constraints('30060101ff0201ff')],
    ['a path length of two bytes', constraints('30070101ff02020100')],
    ['a third constraint', constraints('30090101ff020100020100')],
    ['an empty usage', usage('030100')],
    ['a usage that is a number', usage('020180')],
    ['a usage hidden in bits that are not used', usage('03020784')],
    ['a usage with nine unused bits', usage('03020980')],
    ['a usage with 32 unused bits', usage('03022080')],
    ['a usage of three bytes', usage('0304000000ff')],
    ['bytes after a usage', usage('0302078000')],
  ])('refuses %s', async (_, edit) => {
    expect(await refusedWith({ edit })).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it.each([
    ['Certificate is not a sequence of 3', constructed(TAG.SEQUENCE, [])],
    [
      'TBSCertificate is not a sequence of 7 to 10',
      constructed(TAG.SEQUENCE, [constructed(TAG.SEQUENCE, []), integer('00'), integer('00')]),
    ],
  ])('refuses what has other parts by what it is: %s', async (words, value) => {
    const { message } = await refusal(() => parseCertificate(writeDer(value)))
    expect(message).toMatch(new RegExp(`${words}$`))
  })

  it('refuses an unknown critical extension by its identifier', async () => {
    const der = await leaf({ edit: editExtensions((list) => [...list, extension('2a0304', '0500', true)]) })
    const error = await refusal(() => parseCertificate(der))
    expect(error.code).toBe('ERR_CERTIFICATE_CRITICAL_EXTENSION')
    expect(error.message).toContain('1.2.3.4')
  })

  it('does not take 2.5.29.(2^32 + 15) for the key usage', async () => {
    const edit = onlyExtensions(extension('551d908080800f', '03020780'))
    expect(parseCertificate(await leaf({ edit })).keyUsage).toBeUndefined()
  })
})

describe('algorithms', () => {
  it.each(['SHA-256', 'SHA-512'] as const)('refuses a signature over %s', async (hash) => {
    expect(await refusedWith({ hash })).toBe('ERR_CERTIFICATE_ALGORITHM')
  })

  it('refuses a key on P-256', async () => {
    expect(await refusedWith({ keys: await makeKeys('P-256') })).toBe('ERR_CERTIFICATE_ALGORITHM')
  })

  it('refuses an RSA key', async () => {
    expect(await refusedWith({ keys: await makeRsaKeys() })).toBe('ERR_CERTIFICATE_ALGORITHM')
  })

  it('refuses an inner algorithm other than the outer one', async () => {
    const other = constructed(TAG.SEQUENCE, [primitive(TAG.OBJECT_IDENTIFIER, hex('2a8648ce3d040302'))])
    expect(await refusedWith({ edit: at(2, () => other) })).toBe('ERR_CERTIFICATE_ALGORITHM')
    const [tbs, , signature] = readBer(good.certificate).children
    const outer = constructed(
      TAG.SEQUENCE,
      [tbs, other, signature].filter((part) => part !== undefined),
    )
    expect(await code(() => parseCertificate(writeDer(outer)))).toBe('ERR_CERTIFICATE_ALGORITHM')
  })
})

it('reads a certificate with any byte changed, or refuses it with a VerificationError', () => {
  const change = fc.tuple(fc.nat(good.certificate.length - 1), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const der = Uint8Array.from(good.certificate)
      for (const [position, byte] of changes) der[position] = byte
      try {
        parseCertificate(der)
      } catch (error) {
        expect(error).toBeInstanceOf(VerificationError)
      }
    }),
    { numRuns: 5000 },
  )
})

it('keeps the dates that the support file promises', () => {
  const { notBefore, notAfter } = parseCertificate(good.certificate)
  expect([notBefore, notAfter]).toEqual([FROM, TO])
})
