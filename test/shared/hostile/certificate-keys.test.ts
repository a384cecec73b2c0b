/** Public keys of certificates (RFC 5480, section 2), each wrong in one thing, beside one that is right. */
import { webcrypto } from 'node:crypto'
import { describe } from 'vitest'
import { type Asn1Value, constructed, primitive, TAG } from '../../../shared/asn1.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { type Keys, makeKeys, makeRsaKeys } from '../../support/certificates.js'
import { at, type Differences, type Edit, hex, judge, leaf, type Row } from './verdict.js'

const KEY = 6
const MALFORMED = 'ERR_CERTIFICATE_MALFORMED'
const OTHER = 'ERR_CERTIFICATE_ALGORITHM'
const GOOD: Differences = {}
const P256 = await makeKeys('P-256')
const RSA = await makeRsaKeys()
const EVEN = await evenKeys()

/** Keys whose y is even: DER lets its last bit be an unused one. */
async function evenKeys(): Promise<Keys> {
  for (;;) {
    const keys = await makeKeys()
    const point = Buffer.from(await webcrypto.subtle.exportKey('raw', keys.publicKey))
    if (point.readUInt8(96) % 2 === 0) return keys
  }
}

const integer = (text: string) => primitive(TAG.INTEGER, hex(text))
const oid = (value: string) => primitive(TAG.OBJECT_IDENTIFIER, hex(value))
const sequence = (...children: Asn1Value[]) => constructed(TAG.SEQUENCE, children)
const wrong = (name: string, edit: Edit, code: ErrorCode = MALFORMED): Row => leaf(name, code, edit, GOOD)

describe('the public key (RFC 5480, section 2)', () => {
  const EC = '2a8648ce3d0201'
  const P384 = '2b81040022'
  const point = (change: (bytes: Uint8Array) => Uint8Array, tag: number = TAG.BIT_STRING) =>
    at(KEY, (info) => {
      const [algorithm = info, found = info] = info.children
      return sequence(algorithm, primitive(tag, change(Uint8Array.from(found.content))))
    })
  const algorithm = (...children: Asn1Value[]) =>
    at(KEY, (info) => sequence(sequence(...children), ...info.children.slice(1)))
  const headed = (byte: number) => point((bytes) => Uint8Array.from(bytes.with(1, byte)))
  const keyed = (name: string, keys: Differences): Row => ({
    name,
    code: OTHER,
    refused: keys,
    accepted: GOOD,
  })
  judge([
    wrong(
      'a point that is not on the curve',
      point((bytes) => bytes.with(97, (bytes[97] ?? 0) ^ 1)),
    ),
    wrong(
      'the point 0, 0',
      point((bytes) => bytes.fill(0, 2)),
    ),
    wrong(
      'a point beyond the field',
      point((bytes) => bytes.fill(0xff, 2)),
    ),
    wrong(
      'the point at infinity',
      point(() => hex('0000')),
    ),
    wrong(
      'no point',
      point(() => hex('00')),
    ),
    wrong(
      'a compressed point',
      point((bytes) => Uint8Array.from([0, 2 + ((bytes[97] ?? 0) & 1), ...bytes.subarray(2, 50)])),
    ),
    wrong('a point that says it is compressed', headed(2)),
    wrong(
      'a hybrid point',
      point((bytes) => bytes.with(1, 6 + ((bytes[97] ?? 0) & 1))),
    ),
    {
      name: 'a point with an unused bit',
      code: MALFORMED,
      refused: { leaf: { keys: EVEN, edit: point((bytes) => bytes.with(0, 1)) } },
      accepted: { leaf: { keys: EVEN } },
    },
    wrong(
      'a point that is a string of bytes',
      point((bytes) => bytes, TAG.OCTET_STRING),
    ),
    wrong(
      'a point with a byte more',
      point((bytes) => Uint8Array.from([...bytes, 0])),
    ),
    wrong(
      'a point with a byte less',
      point((bytes) => bytes.subarray(0, 97)),
    ),
    wrong(
      'a key of one field',
      at(KEY, (info) => sequence(...info.children.slice(0, 1))),
    ),
    wrong(
      'a key of three fields',
      at(KEY, (info) => sequence(...info.children, integer('00'))),
    ),
    wrong('explicit parameters of a curve', algorithm(oid(EC), sequence(integer('01'))), OTHER),
    wrong('no parameters of a curve', algorithm(oid(EC)), OTHER),
    wrong('the algorithm Ed25519', algorithm(oid('2b6570')), OTHER),
    wrong('the algorithm X448', algorithm(oid('2b656f')), OTHER),
    wrong('parameters of a curve that are NULL', algorithm(oid(EC), primitive(TAG.NULL, hex(''))), OTHER),
    wrong('the curve secp256k1', algorithm(oid(EC), oid('2b8104000a')), OTHER),
    wrong('the curve brainpoolP384r1', algorithm(oid(EC), oid('2b240303020801010b')), OTHER),
    wrong('id-ecDH in place of id-ecPublicKey', algorithm(oid('2b8104010c'), oid(P384)), OTHER),
  ])
  judge([
    keyed('an instance with a key on P-256', { instance: { keys: P256 } }),
    keyed('an instance with an RSA key', { instance: { keys: RSA } }),
    keyed('an authority with a key on P-256', { zonal: { keys: P256 } }),
  ])
})
