import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { curveOf } from '../../../enclave/kms/curve.js'
import { primitive, TAG } from '../../../shared/asn1.js'
import { writeDer } from '../../../shared/ber.js'
import { integer, nothing, octetString, oid, sequence } from './support.js'

const spki = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'der' })

const EC = oid('1.2.840.10045.2.1')
const P256 = oid('1.2.840.10045.3.1.7')
const point = primitive(TAG.BIT_STRING, new Uint8Array(66))

describe('the curve of a public key', () => {
  it.each([
    ['P-256', 'ECC_NIST_P256', 32],
    ['P-384', 'ECC_NIST_P384', 48],
    ['P-521', 'ECC_NIST_P521', 66],
    ['secp256k1', 'ECC_SECG_P256K1', 32],
    ['SM2', 'SM2', 32],
  ])('%s is %s, %d bytes a coordinate', (name, keySpec, fieldLength) => {
    expect(curveOf(spki(name))).toEqual({ keySpec, fieldLength })
  })
  it('is read as the test writes it', () => {
    expect(curveOf(writeDer(sequence(sequence(EC, P256), point)))?.keySpec).toBe('ECC_NIST_P256')
  })
  it.each([
    ['another curve', spki('brainpoolP256r1')],
    ['an X25519 key', generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' })],
    ['explicit parameters', writeDer(sequence(sequence(EC, sequence(integer(1))), point))],
    ['no parameters', writeDer(sequence(sequence(EC), point))],
    ['more parameters', writeDer(sequence(sequence(EC, P256, nothing), point))],
    ['another algorithm with this curve', writeDer(sequence(sequence(oid('1.3.132.1.12'), P256), point))],
    [
      'a point that is no BIT STRING',
      writeDer(sequence(sequence(EC, P256), octetString(new Uint8Array(65)))),
    ],
    ['more than a point', writeDer(sequence(sequence(EC, P256), point, nothing))],
    [
      'one longer than KMS takes',
      writeDer(sequence(sequence(EC, P256), primitive(TAG.BIT_STRING, new Uint8Array(8_192)))),
    ],
    ['bytes after it', Buffer.concat([spki('P-256'), Uint8Array.of(0)])],
  ])('%s has none', (_, bytes) => {
    expect(curveOf(bytes)).toBeUndefined()
  })
  it('never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => curveOf(bytes) === undefined))
  })
})
