/** Extensions of certificates (RFC 5280, section 4.2), each wrong in one thing, beside one that is right. */
import { describe } from 'vitest'
import { type Asn1Value, CONTEXT, constructed, primitive, TAG } from '../../../shared/asn1.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { editExtensions, extension, type Place } from '../../support/certificates.js'
import { type Edit, edited, hex, judge, leaf, type Row } from './verdict.js'

const BASIC_CONSTRAINTS = '551d13'
const KEY_USAGE = '551d0f'
const UNKNOWN = '2a0304'
/** digitalSignature and nonRepudiation, as hardware writes them. */
const USAGE = extension(KEY_USAGE, '030206c0')

const more = (...list: Asn1Value[]) => editExtensions((found) => [...found, ...list])
const only = (...list: Asn1Value[]) => editExtensions(() => list)
const sequence = (...children: Asn1Value[]) => constructed(TAG.SEQUENCE, children)
const identifier = (oid = UNKNOWN) => primitive(TAG.OBJECT_IDENTIFIER, hex(oid))
const flag = (value: string) => primitive(TAG.BOOLEAN, hex(value))
const octets = (value = '0500') => primitive(TAG.OCTET_STRING, hex(value))
const FINE = edited('leaf', more(extension(UNKNOWN, '0500')))

describe('an extension that constrains the path', () => {
  const constraint = (name: string, place: Place, oid: string, value: string, critical = false): Row => ({
    name,
    code: 'ERR_CERTIFICATE_CRITICAL_EXTENSION',
    refused: edited(place, more(extension(oid, value, critical))),
    accepted: edited(place, more(extension(UNKNOWN, value))),
  })
  judge([
    constraint('nameConstraints of an authority, not critical', 'regional', '551d1e', '3000'),
    constraint('policyConstraints of an authority, not critical', 'zonal', '551d24', '3003800100'),
    constraint('inhibitAnyPolicy of an authority, not critical', 'instance', '551d36', '020100'),
    constraint('critical nameConstraints of an authority', 'regional', '551d1e', '3000', true),
  ])
})

describe('a critical extension that is not understood', () => {
  const critical = (name: string, place: Place, oid: string, value: string): Row => ({
    name,
    code: 'ERR_CERTIFICATE_CRITICAL_EXTENSION',
    refused: edited(place, more(extension(oid, value, true))),
    accepted: edited(place, more(extension(oid, value))),
  })
  judge([
    critical('critical policyMappings of an authority', 'regional', '551d21', '3000'),
    critical('critical certificatePolicies', 'leaf', '551d20', '3006300406022a03'),
    critical('critical extKeyUsage', 'leaf', '551d25', '300a06082b06010505070302'),
    critical('critical subjectAltName', 'leaf', '551d11', '3003820161'),
    critical('critical issuerAltName', 'leaf', '551d12', '3003820161'),
    critical('critical authorityKeyIdentifier', 'leaf', '551d23', '3003800101'),
    critical('critical subjectKeyIdentifier', 'leaf', '551d0e', '040101'),
    critical('critical cRLDistributionPoints', 'zonal', '551d1f', '3000'),
    critical('critical authorityInfoAccess', 'leaf', '2b06010505070101', '3000'),
    critical('the poison of a precertificate', 'leaf', '2b06010401d679020403', '0500'),
    critical('a critical extension that nobody knows', 'root', UNKNOWN, '0500'),
    critical('a critical extension that nobody knows, empty', 'leaf', UNKNOWN, ''),
    critical(
      'a critical extension whose arc looks like keyUsage in 32 bits',
      'leaf',
      '551d908080800f',
      '030206c0',
    ),
  ])
})

describe('an extension of a wrong shape', () => {
  const shape = (name: string, ...list: Asn1Value[]): Row =>
    leaf(name, 'ERR_CERTIFICATE_MALFORMED', more(...list), FINE)
  judge([
    shape('an unknown extension twice', extension(UNKNOWN, '0500'), extension(UNKNOWN, '0500')),
    shape('an unknown extension twice with two values', extension(UNKNOWN, '0500'), extension(UNKNOWN, '')),
    shape('keyUsage twice', USAGE),
    shape('basicConstraints twice', extension(BASIC_CONSTRAINTS, '3000', true)),
    shape('an extension without a value', sequence(identifier())),
    shape('an extension with a flag for its value', sequence(identifier(), flag('ff'))),
    shape('a value that is a bit string', sequence(identifier(), primitive(TAG.BIT_STRING, hex('0005')))),
    shape('a value in chunks', sequence(identifier(), constructed(TAG.OCTET_STRING, [octets()]))),
    shape('a value without its string of bytes', sequence(identifier(), primitive(TAG.NULL, hex('')))),
    shape('a flag after the value', sequence(identifier(), octets(), flag('ff'))),
    shape('two flags', sequence(identifier(), flag('ff'), flag('ff'), octets())),
    shape('a flag that is FALSE, which is the default', sequence(identifier(), flag('00'), octets())),
    shape('a flag of 01', sequence(identifier(), flag('01'), octets())),
    shape('an empty flag', sequence(identifier(), flag(''), octets())),
    shape('a flag of two bytes', sequence(identifier(), flag('ffff'), octets())),
    shape('a flag that is an integer', sequence(identifier(), primitive(TAG.INTEGER, hex('01')), octets())),
    shape('a value after the value', sequence(identifier(), flag('ff'), octets(), octets())),
    shape('an extension that is a set', constructed(TAG.SET, [identifier(), octets()])),
    shape('an extension that is a string of bytes', octets('2a0304')),
    shape('an empty identifier', sequence(identifier(''), octets())),
    shape('an identifier cut short', sequence(identifier('2a83'), octets())),
    shape('an identifier with a padded arc', sequence(identifier('2a8003'), octets())),
    shape('an identifier that is text', sequence(primitive(12, hex('61')), octets())),
  ])
})

describe('the list of extensions', () => {
  const holder = (change: (holder: Asn1Value) => readonly Asn1Value[]): Edit => {
    return (fields) => [...fields.slice(0, 7), ...fields.slice(7).flatMap(change)]
  }
  const list = (name: string, change: (holder: Asn1Value) => readonly Asn1Value[]): Row =>
    leaf(name, 'ERR_CERTIFICATE_MALFORMED', holder(change), FINE)
  judge([
    list('a list that is a set', (found) => [
      { ...found, children: [constructed(TAG.SET, found.children[0]?.children ?? [])] },
    ]),
    list('two lists', (found) => [{ ...found, children: [...found.children, ...found.children] }]),
    list('an empty list', (found) => [{ ...found, children: [sequence()] }]),
    list('no list', (found) => [{ ...found, children: [] }]),
    list('a NULL after the list', (found) => [
      { ...found, children: [...found.children, primitive(TAG.NULL, hex(''))] },
    ]),
    list('the list in the place of a unique identifier', (found) => [{ ...found, tag: 2 }]),
    list('the list in another class', (found) => [{ ...found, tagClass: 0xc0 }]),
    list('extensions twice', (found) => [found, found]),
    list('a list that is not constructed', () => [primitive(3, hex('3000'), CONTEXT)]),
  ])
})

describe('basicConstraints (section 4.2.1.9)', () => {
  const replaced = (value: string, critical = true) =>
    editExtensions((found) => [extension(BASIC_CONSTRAINTS, value, critical), ...found.slice(1)])
  const ZONAL = edited('zonal', replaced('30060101ff020101'))
  const LEAF = edited('leaf', replaced('3000'))
  const ofZonal = (name: string, value: string, code: ErrorCode = 'ERR_CERTIFICATE_MALFORMED'): Row => ({
    name,
    code,
    refused: edited('zonal', replaced(value)),
    accepted: ZONAL,
  })
  const ofLeaf = (name: string, value: string): Row =>
    leaf(name, 'ERR_CERTIFICATE_MALFORMED', replaced(value), LEAF)
  judge([
    ofZonal('an authority that says nothing of itself', '3000', 'ERR_CERTIFICATE_NOT_CA'),
    ofZonal(
      'a path length of 0 where one authority follows',
      '30060101ff020100',
      'ERR_CERTIFICATE_PATH_LENGTH',
    ),
    ofZonal('an empty path length', '30050101ff0200'),
    ofZonal('a padded path length', '30070101ff02020001'),
    ofZonal('a negative path length', '30060101ff0201ff'),
    ofZonal('a path length of 256', '30070101ff02020100'),
    ofZonal('a path length that is a boolean', '30060101ff0101ff'),
    ofZonal('a path length that is an enumeration', '30060101ff0a0101'),
    ofZonal('a third constraint', '30090101ff020101020101'),
    ofZonal('the path length before the flag', '30060201010101ff'),
    ofZonal('a path length without the flag', '3003020101'),
    ofZonal('a CA flag of 01', '3006010101020101'),
    ofZonal('a CA flag that is an integer', '30060201ff020101'),
    ofZonal('a CA flag that is FALSE, which is the default', '3003010100'),
    {
      name: 'constraints of an authority that are not critical',
      code: 'ERR_CERTIFICATE_MALFORMED',
      refused: edited('zonal', replaced('30060101ff020101', false)),
      accepted: ZONAL,
    },
    ofZonal('constraints that are a set', '31060101ff020101'),
    ofZonal('constraints of indefinite length', '30800101ff0201010000'),
    ofZonal('constraints with a length longer than needed', '3081060101ff020101'),
    ofZonal('bytes after the constraints', '30060101ff0201010500'),
    ofZonal('constraints cut short', '30060101ff0201'),
    ofZonal('empty constraints', ''),
    ofLeaf('a path length of a leaf', '3003020100'),
    ofLeaf('a leaf that writes out that it is no authority', '3003010100'),
    ofLeaf('a leaf with a constraint that is a string of bytes', '30020400'),
    ofLeaf('a leaf with a constraint that runs past its sequence', '3003020200'),
    leaf('a leaf that is an authority', 'ERR_CERTIFICATE_IS_CA', replaced('30030101ff'), LEAF),
  ])
})

describe('keyUsage (section 4.2.1.3)', () => {
  const replaced = (value: string) =>
    editExtensions(([first, ...rest]) => [first ?? USAGE, extension(KEY_USAGE, value), ...rest.slice(1)])
  const GOOD = {
    '030206c0': edited('leaf', replaced('030206c0')),
    '03020780': edited('leaf', replaced('03020780')),
    '0303078080': edited('leaf', replaced('0303078080')),
  }
  const usage = (name: string, value: string, code: ErrorCode, good: keyof typeof GOOD = '030206c0'): Row =>
    leaf(name, code, replaced(value), GOOD[good])
  judge([
    usage('a usage of no bytes', '0300', 'ERR_CERTIFICATE_MALFORMED'),
    usage('a usage of no bits', '030100', 'ERR_CERTIFICATE_MALFORMED'),
    usage('a usage with eight unused bits', '03020880', 'ERR_CERTIFICATE_MALFORMED'),
    usage('a usage hidden in an unused bit', '030207c0', 'ERR_CERTIFICATE_MALFORMED', '03020780'),
    usage('a usage with a zero bit at its end', '03020680', 'ERR_CERTIFICATE_MALFORMED', '03020780'),
    usage('a usage with a zero byte at its end', '0303008000', 'ERR_CERTIFICATE_MALFORMED', '03020780'),
    usage('keyCertSign of a leaf', '03020284', 'ERR_CERTIFICATE_KEY_USAGE', '03020780'),
    usage('a usage of three bytes', '030400800001', 'ERR_CERTIFICATE_MALFORMED'),
    usage('a usage that is a string of bytes', '04020680', 'ERR_CERTIFICATE_MALFORMED'),
    usage('a usage in chunks', '230403020780', 'ERR_CERTIFICATE_MALFORMED', '03020780'),
    usage('a usage with a length longer than needed', '0381020780', 'ERR_CERTIFICATE_MALFORMED', '03020780'),
    usage('bytes after the usage', '0302078000', 'ERR_CERTIFICATE_MALFORMED', '03020780'),
    usage('nonRepudiation alone', '03020640', 'ERR_CERTIFICATE_KEY_USAGE'),
    usage('keyAgreement alone', '03020308', 'ERR_CERTIFICATE_KEY_USAGE'),
    usage(
      'decipherOnly alone, whose byte looks like digitalSignature',
      '0303070080',
      'ERR_CERTIFICATE_KEY_USAGE',
      '0303078080',
    ),
    leaf(
      'a leaf without keyUsage',
      'ERR_CERTIFICATE_KEY_USAGE',
      only(extension(BASIC_CONSTRAINTS, '3000', true)),
      edited('leaf', only(USAGE)),
    ),
    {
      name: 'an authority with cRLSign and no keyCertSign',
      code: 'ERR_CERTIFICATE_KEY_USAGE',
      refused: edited(
        'instance',
        editExtensions(([first]) => [first ?? USAGE, extension(KEY_USAGE, '03020102', true)]),
      ),
      accepted: edited(
        'instance',
        editExtensions(([first]) => [first ?? USAGE, extension(KEY_USAGE, '03020106', true)]),
      ),
    },
  ])
})
