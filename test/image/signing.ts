/** Signing certificates of every kind, made by an independent library. */
import 'reflect-metadata'
import { createPrivateKey, type KeyObject, sign, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { pem } from '../support/openssl.js'

export interface Pair {
  /** PEM. */
  readonly certificate: string
  readonly der: Uint8Array
  readonly privateKey: KeyObject
  /** PEM, PKCS #8. */
  readonly keyText: string
}

export const CURVES = ['P-256', 'P-384', 'P-521'] as const

const EC = Object.fromEntries(CURVES.map((namedCurve) => [namedCurve, { name: 'ECDSA', namedCurve }]))
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: 'SHA-384',
}
const FROM = new Date('2026-03-01T09:08:07Z')
const TO = new Date('2027-12-31T23:59:59Z')

/** Self-signed. `issuer` as in `CN=x, C=US`. */
export async function makePair(
  kind: (typeof CURVES)[number] | 'RSA',
  { issuer = 'CN=image signer, O=test, C=US', hash = 'SHA-384', notAfter = TO } = {},
): Promise<Pair> {
  const algorithm = kind === 'RSA' ? RSA : (EC[kind] ?? RSA)
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: issuer,
    notBefore: FROM,
    notAfter,
    keys,
    signingAlgorithm: { ...algorithm, hash },
  })
  const der = new Uint8Array(certificate.rawData)
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    certificate: pem('CERTIFICATE', der),
    der,
    privateKey: createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
    keyText: pem('PRIVATE KEY', key),
  }
}

/** CBOR of small things, written by hand (RFC 8949, section 3). */
function head(major: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(major << 5) | count])
  if (count < 256) return Buffer.from([(major << 5) | 24, count])
  return Buffer.from([(major << 5) | 25, count >> 8, count & 0xff])
}
const cborText = (text: string): Buffer => Buffer.concat([head(3, text.length), Buffer.from(text)])
export const cborBytes = (bytes: Uint8Array): Buffer => Buffer.concat([head(2, bytes.length), bytes])
const cborIntegers = (bytes: Uint8Array): Buffer =>
  Buffer.concat([head(4, bytes.length), ...[...bytes].map((byte) => head(0, byte))])

/** PcrInfo. */
export function pcrInfo(pcr: string, index = 0): Buffer {
  const members = [cborText('register_index'), head(0, index), cborText('register_value')]
  return Buffer.concat([head(5, 2), ...members, cborIntegers(Buffer.from(pcr, 'hex'))])
}

/** COSE_Sign1 over `payload`: ES256 for a key on P-256, else ES384. */
export function coseSign1(payload: Uint8Array, key: KeyObject): Buffer {
  const short = key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  const header = cborBytes(Buffer.from(short ? 'a10126' : 'a1013822', 'hex'))
  const parts = [cborText('Signature1'), header, head(2, 0), cborBytes(payload)]
  const signed = Buffer.concat([head(4, 4), ...parts])
  const signature = sign(short ? 'sha256' : 'sha384', signed, { key, dsaEncoding: 'ieee-p1363' })
  return Buffer.concat([head(4, 4), header, head(5, 0), cborBytes(payload), cborBytes(signature)])
}

/** The signature section. */
export function signatureSection(certificate: string | Uint8Array, signature: Uint8Array): Buffer {
  const one = [
    cborText('signing_certificate'),
    cborIntegers(Buffer.from(certificate as Uint8Array)),
    cborText('signature'),
    cborIntegers(signature),
  ]
  return Buffer.concat([head(4, 1), head(5, 2), ...one])
}
