/** Fields of certificates (RFC 5280, section 4.1), each wrong in one thing, beside one that is right. */
import { describe } from 'vitest'
import { type Asn1Value, CONTEXT, constructed, primitive, TAG } from '../../../shared/asn1.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { at, type Differences, type Edit, edited, hex, judge, leaf, type Row } from './verdict.js'

const VERSION = 0
const SERIAL = 1
const ALGORITHM = 2
const ISSUER = 3
const VALIDITY = 4
const SUBJECT = 5
const UTF8 = 12
const PRINTABLE = 19

const MALFORMED = 'ERR_CERTIFICATE_MALFORMED'
const OTHER = 'ERR_CERTIFICATE_ALGORITHM'
const GOOD: Differences = {}
const integer = (text: string) => primitive(TAG.INTEGER, hex(text))
const text = (value: string, tag = UTF8) => primitive(tag, Buffer.from(value))
const oid = (value: string) => primitive(TAG.OBJECT_IDENTIFIER, hex(value))
const sequence = (...children: Asn1Value[]) => constructed(TAG.SEQUENCE, children)
const set = (...children: Asn1Value[]) => constructed(TAG.SET, children)
const replaced = (index: number, value: Asn1Value): Edit => at(index, () => value)
const wrong = (name: string, edit: Edit, code: ErrorCode = MALFORMED, accepted = GOOD): Row =>
  leaf(name, code, edit, accepted)

describe('version', () => {
  const version = (...children: Asn1Value[]) => at(VERSION, (found) => ({ ...found, children }))
  judge([
    wrong('version 1, as the absence of all else says', (fields) => fields.slice(1, -1)),
    wrong('version 1 with extensions', (fields) => fields.slice(1)),
    wrong('version 1, written out', version(integer('00'))),
    wrong('version 2', version(integer('01'))),
    wrong('version 4', version(integer('03'))),
    wrong('version 514', version(integer('0201'))),
    wrong('a negative version', version(integer('fe'))),
    wrong('two versions', version(integer('02'), integer('02'))),
    wrong('a version that is text', version(text('2'))),
    wrong('a version that is not in its tag', replaced(VERSION, integer('02'))),
    wrong(
      'a version in the tag of another field',
      at(VERSION, (found) => ({ ...found, tag: 1 })),
    ),
  ])
})

describe('serialNumber (section 4.1.2.2)', () => {
  /** As long as those of hardware's instance certificates: twenty bytes, and the zero that keeps them positive. */
  const longest = edited('leaf', replaced(SERIAL, integer(`00${'ff'.repeat(20)}`)))
  const serial = (name: string, value: Asn1Value) => wrong(name, replaced(SERIAL, value), MALFORMED, longest)
  judge([
    serial('a serial number of no bytes', integer('')),
    serial('the serial number 0', integer('00')),
    serial('a negative serial number', integer('81')),
    serial('a serial number of 21 bytes', integer(`01${'00'.repeat(20)}`)),
    serial('a serial number of 21 bytes and its zero', integer(`00${'ff'.repeat(21)}`)),
    serial('a serial number that is text', text('1')),
    serial('a serial number that is a boolean', primitive(TAG.BOOLEAN, hex('ff'))),
    serial('a serial number that is a sequence', sequence(integer('01'))),
  ])
})

describe('signature algorithm', () => {
  const algorithm = (...children: Asn1Value[]) => replaced(ALGORITHM, sequence(...children))
  const other = (name: string, value: string): Row => wrong(name, algorithm(oid(value)), OTHER)
  judge([
    other('ecdsa-with-SHA1', '2a8648ce3d0401'),
    other('ecdsa-with-SHA256', '2a8648ce3d040302'),
    other('ecdsa-with-SHA512', '2a8648ce3d040304'),
    other('ecdsa-with-SHA3-384', '60864801650304030b'),
    other('sha384WithRSAEncryption', '2a864886f70d01010c'),
    other('Ed25519', '2b6570'),
    wrong('parameters that are NULL', algorithm(oid('2a8648ce3d040303'), primitive(TAG.NULL, hex('')))),
    wrong('an algorithm of three', algorithm(oid('2a8648ce3d040303'), integer('00'), integer('00'))),
    wrong('an algorithm of nothing', algorithm()),
    wrong('an algorithm that is text', algorithm(text('ES384'))),
    wrong('an algorithm that is an identifier alone', replaced(ALGORITHM, oid('2a8648ce3d040303'))),
  ])
})

describe('names (sections 4.1.2.4 and 7.1)', () => {
  const attribute = (value: Asn1Value, type = '550403') => sequence(oid(type), value)
  const name = (...values: Asn1Value[]) => sequence(...values.map((value) => set(attribute(value))))
  const subject = (label: string, value: Asn1Value) =>
    wrong(label, replaced(SUBJECT, value), MALFORMED, edited('leaf', replaced(SUBJECT, name(text('x')))))
  const issuer = (label: string, value: Asn1Value, good = name(text('above'))): Row => ({
    name: label,
    code: 'ERR_CERTIFICATE_ISSUER',
    refused: {
      instance: { name: `CN=#0c05${Buffer.from('above').toString('hex')}` },
      leaf: { edit: replaced(ISSUER, value) },
    },
    accepted: {
      instance: { name: `CN=#0c05${Buffer.from('above').toString('hex')}` },
      leaf: { edit: replaced(ISSUER, good) },
    },
  })
  judge([
    issuer('an issuer in capitals', name(text('ABOVE'))),
    issuer('an issuer with a blank', name(text('above '))),
    issuer('an issuer as another type of text', name(text('above', PRINTABLE))),
    issuer('an issuer with an attribute more', name(text('above'), text('above'))),
    issuer('an issuer of another attribute', sequence(set(attribute(text('above'), '55040a')))),
    issuer('an issuer with a zero byte', name(text('above\0'))),
    subject('a subject of nothing', sequence()),
    {
      name: 'an authority of no name, and its leaf with an issuer of none',
      code: MALFORMED,
      refused: { instance: { name: '' } },
      accepted: { instance: { name: 'CN=x' } },
    },
    wrong('an issuer that is text', replaced(ISSUER, text('CN=instance.test'))),
    subject('a subject that is a set', set(set(attribute(text('x'))))),
    subject('a subject without sets', sequence(attribute(text('x')))),
    subject('a subject of sequences in place of sets', sequence(sequence(attribute(text('x'))))),
    subject('a subject whose attribute is a number', name(integer('01'))),
    subject('a subject whose attribute is a string of bytes', name(primitive(TAG.OCTET_STRING, hex('78')))),
    subject('a subject whose attribute is a sequence', name(sequence(text('x')))),
    subject('a subject with an empty set', sequence(set())),
    subject('a subject with an attribute of nothing', sequence(set(sequence()))),
    subject(
      'a subject with an attribute of three',
      sequence(set(sequence(oid('550403'), text('x'), text('y')))),
    ),
    subject(
      'a subject whose attribute has a number for its type',
      sequence(set(sequence(integer('03'), text('x')))),
    ),
    subject('a subject that is text', text('CN=x')),
  ])
})

describe('validity (section 4.1.2.5)', () => {
  const from = (value: Asn1Value) =>
    at(VALIDITY, ({ children, ...rest }) => ({ ...rest, children: [value, ...children.slice(1)] }))
  const until = (value: Asn1Value) =>
    at(VALIDITY, ({ children, ...rest }) => ({ ...rest, children: [...children.slice(0, 1), value] }))
  const utc = (value: string) => from(text(value, TAG.UTC_TIME))
  const general = (value: string) => from(text(value, TAG.GENERALIZED_TIME))
  const good = edited('leaf', utc('260301000000Z'))
  const time = (name: string, edit: Edit, code: ErrorCode = MALFORMED) => wrong(name, edit, code, good)
  judge([
    time('UTCTime without seconds', utc('2603010000Z')),
    time('UTCTime without Z', utc('260301000000')),
    time('UTCTime with an offset', utc('260301000000+0000')),
    time('UTCTime with a small z', utc('260301000000z')),
    time('UTCTime with fractions', utc('260301000000.5Z')),
    time('UTCTime with four digits of year', utc('20260301000000Z')),
    time('UTCTime with a blank', utc('260301 00000Z')),
    time('UTCTime with a letter', utc('26030100000OZ')),
    time('UTCTime of month 0', utc('260001000000Z')),
    time('UTCTime of month 13', utc('261301000000Z')),
    time('UTCTime of 29 February in a common year', utc('260229000000Z')),
    time('UTCTime of hour 24', utc('260228240000Z')),
    time('UTCTime of minute 60', utc('260301006000Z')),
    time('UTCTime of a leap second', utc('260301000060Z')),
    time('UTCTime with a line after it', utc('260301000000Z\n')),
    time('UTCTime of thirteen digits', utc('2603010000000Z')),
    time('UTCTime with four digits of a year from 2050 on', utc('20500301000000Z')),
    time('GeneralizedTime with fractions', general('20500301000000.000Z')),
    time('GeneralizedTime without Z', general('20500301000000')),
    time('GeneralizedTime with an offset', general('20500301000000+0000')),
    time('GeneralizedTime of fifteen digits', general('205003010000000Z')),
    time('GeneralizedTime with a line after it', general('20500301000000Z\n')),
    time('GeneralizedTime with two digits of year', general('260301000000Z')),
    time('GeneralizedTime before 2050', general('20260301000000Z')),
    time('GeneralizedTime before 1950', general('19490301000000Z')),
    time('a time that is text', from(text('260301000000Z'))),
    time('a time that is a number', from(integer('00'))),
    time(
      'one time',
      at(VALIDITY, ({ children, ...rest }) => ({ ...rest, children: children.slice(1) })),
    ),
    wrong(
      'UTCTime for 2050, which reads as 1950',
      until(text('500101000000Z', TAG.UTC_TIME)),
      'ERR_CERTIFICATE_EXPIRED',
      edited('leaf', until(text('20500101000000Z', TAG.GENERALIZED_TIME))),
    ),
    time(
      'three times',
      at(VALIDITY, ({ children, ...rest }) => ({ ...rest, children: [...children, ...children.slice(1)] })),
    ),
    time(
      'times in the wrong order',
      at(VALIDITY, ({ children, ...rest }) => ({ ...rest, children: children.toReversed() })),
      'ERR_CERTIFICATE_NOT_YET_VALID',
    ),
  ])
})

describe('what else stands in a certificate', () => {
  const inserted =
    (...values: Asn1Value[]): Edit =>
    (fields) => [...fields.slice(0, 7), ...values, ...fields.slice(7)]
  judge([
    wrong('issuerUniqueID', inserted(primitive(1, hex('0000'), CONTEXT))),
    wrong('subjectUniqueID', inserted(primitive(2, hex('0000'), CONTEXT))),
    wrong(
      'both unique identifiers',
      inserted(primitive(1, hex('0000'), CONTEXT), primitive(2, hex('0000'), CONTEXT)),
    ),
    wrong('a field after the extensions', (fields) => [...fields, primitive(TAG.NULL, hex(''))]),
    wrong('a field between the key and the extensions', inserted(primitive(TAG.NULL, hex('')))),
    wrong('a field of a tag that is not assigned', (fields) => [...fields, primitive(4, hex(''), CONTEXT)]),
    wrong('subject and validity exchanged', (fields) => [
      ...fields.slice(0, 4),
      ...fields.slice(4, 6).toReversed(),
      ...fields.slice(6),
    ]),
    wrong('no subject', (fields) => fields.filter((_, index) => index !== SUBJECT)),
  ])
})
