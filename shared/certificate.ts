/**
 * X.509 version 3 certificates (RFC 5280, section 4.1) of the Nitro kind: P-384 keys, ecdsa-with-SHA384.
 * Reads only the subset needed; an unknown critical extension is refused by name.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { type BerValue, CONTEXT, is, objectIdentifier, readDer, TAG, writeDer } from './ber.js'
import { type BasicConstraints, type Extensions, readExtensions } from './certificate-extensions.js'
import { distinguishedName } from './distinguished-name.js'
import { FormatError, VerificationError } from './errors.js'

/** RFC 5758, section 3.2. */
const ECDSA_WITH_SHA384 = '1.2.840.10045.4.3.3'
/** RFC 5480, sections 2.1.1 and 2.1.1.1. */
const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const SECP384R1 = '1.3.132.0.34'
/** BIT STRING: no unused bits, then 04 || x || y. */
const POINT_LENGTH = 1 + 97

export interface Certificate {
  readonly der: Uint8Array
  /** What the issuer signed. */
  readonly tbs: Uint8Array
  /** DER, for comparison. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly subjectName: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** DER SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array
  readonly basicConstraints: BasicConstraints | undefined
  readonly keyUsage: Extensions['keyUsage']
  /** ECDSA-Sig-Value, DER. */
  readonly signature: Uint8Array
}

/**
 * Parses one DER certificate, with nothing after it. Throws VerificationError ERR_CERTIFICATE_MALFORMED,
 * ERR_CERTIFICATE_ALGORITHM, ERR_CERTIFICATE_CRITICAL_EXTENSION.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return read(der)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw malformed(error.message)
  }
}

/** The certificate's P-384 key. Throws VerificationError ERR_CERTIFICATE_MALFORMED when the point is not on the curve. */
export function publicKeyOf(certificate: Certificate): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(certificate.publicKeyInfo), format: 'der', type: 'spki' })
  } catch {
    throw malformed('its public key is not a point of P-384')
  }
}

function read(der: Uint8Array): Certificate {
  // Canonical or refused: this also keeps bytes after the certificate, and the names below, honest.
  const value = readDer(der)
  const [tbs, outerAlgorithm, signature] = sequence(value, 'Certificate', 3, 3)
  const fields = sequence(tbs, 'TBSCertificate', 7, 10)
  const [version, serial, innerAlgorithm, issuer, validity, subject, publicKeyInfo] = fields
  const [number, ...more] = is(version, 0, CONTEXT) ? version.children : []
  if (integer(number) !== 2 || more.length !== 0) throw malformed('it is not version 3')
  if (!is(serial, TAG.INTEGER) || serial.content.length === 0) throw malformed('it has no serial number')
  checkAlgorithm(innerAlgorithm)
  checkAlgorithm(outerAlgorithm)
  checkKey(publicKeyInfo)
  const [notBefore, notAfter] = sequence(validity, 'Validity', 2, 2)
  return {
    der,
    tbs: encoded(tbs),
    issuer: encoded(issuer),
    subject: encoded(subject),
    subjectName: distinguishedName(subject),
    notBefore: time(notBefore),
    notAfter: time(notAfter),
    publicKeyInfo: encoded(publicKeyInfo),
    ...readExtensions(fields.slice(7)),
    signature: bits(signature),
  }
}

function checkAlgorithm(value: BerValue | undefined): void {
  const [identifier, parameters] = sequence(value, 'AlgorithmIdentifier', 1, 2)
  const algorithm = objectIdentifier(identifier)
  // RFC 5758, section 3.2: the parameters are absent, not NULL.
  if (algorithm === ECDSA_WITH_SHA384 && parameters !== undefined) {
    throw malformed('its signature algorithm has parameters')
  }
  if (algorithm !== ECDSA_WITH_SHA384) {
    throw new VerificationError(
      'ERR_CERTIFICATE_ALGORITHM',
      `a certificate is signed with ${algorithm}; only ecdsa-with-SHA384 is accepted`,
    )
  }
}

function checkKey(value: BerValue | undefined): void {
  const [algorithm, point] = sequence(value, 'SubjectPublicKeyInfo', 2, 2)
  const [type, curve] = sequence(algorithm, 'AlgorithmIdentifier', 2, 2)
  if (objectIdentifier(type) !== EC_PUBLIC_KEY || objectIdentifier(curve) !== SECP384R1) {
    throw new VerificationError('ERR_CERTIFICATE_ALGORITHM', "a certificate's key is not on P-384")
  }
  if (point?.content.length !== POINT_LENGTH || point.content[1] !== 0x04) {
    throw malformed('its public key is not an uncompressed point of P-384')
  }
}

/** UTCTime and GeneralizedTime as DER writes them (RFC 5280, sections 4.1.2.5.1 and 4.1.2.5.2). */
function time(value: BerValue | undefined): Date {
  const text = Buffer.from(value?.content ?? []).toString('latin1')
  const year = is(value, TAG.UTC_TIME) ? 2 : is(value, TAG.GENERALIZED_TIME) ? 4 : 0
  const match = /^(\d{2,4}?)(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
  if (match?.[1]?.length !== year) throw malformed('its validity is not a time')
  const short = Number(match[1])
  const full = year === 4 ? short : short < 50 ? 2000 + short : 1900 + short
  const iso = `${String(full).padStart(4, '0')}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}.000Z`
  const date = new Date(iso)
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso)
    throw malformed('its validity is not a time')
  return date
}

function sequence(
  value: BerValue | undefined,
  what: string,
  least: number,
  most: number,
): readonly BerValue[] {
  const length = value?.children.length ?? 0
  if (!is(value, TAG.SEQUENCE) || !value.constructed || length < least || length > most) {
    throw malformed(`its ${what} is not a sequence of ${least === most ? least : `${least} to ${most}`}`)
  }
  return value.children
}

function integer(value: BerValue | undefined): number {
  return is(value, TAG.INTEGER) && value.content.length === 1 ? (value.content[0] ?? -1) : -1
}

function bits(value: BerValue | undefined): Uint8Array {
  if (!is(value, TAG.BIT_STRING) || value.content[0] !== 0)
    throw malformed('its signature is not a bit string')
  return value.content.subarray(1)
}

function encoded(value: BerValue | undefined): Uint8Array {
  if (value === undefined) throw malformed('a field is missing')
  return writeDer(value)
}

function malformed(why: string): VerificationError {
  return new VerificationError('ERR_CERTIFICATE_MALFORMED', `a certificate is malformed: ${why}`)
}
