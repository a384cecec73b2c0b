/**
 * X.509 version 3 certificates (RFC 5280, section 4.1) of the Nitro kind: P-384 keys, ecdsa-with-SHA384.
 * Reads only the subset needed; an unknown critical extension is refused by name.
 */
import { CONTEXT, is, objectIdentifier, TAG } from './asn1.js'
import { toText } from './bytes.js'
import { type BasicConstraints, type Extensions, readExtensions } from './certificate-extensions.js'
import { type DerValue, readDer } from './der.js'
import { distinguishedName } from './distinguished-name.js'
import { ecdsaSignature } from './ecdsa-signature.js'
import { FormatError, VerificationError } from './errors.js'

/** RFC 5758, section 3.2. */
const ECDSA_WITH_SHA384 = '1.2.840.10045.4.3.3'
/** RFC 5480, sections 2.1.1 and 2.1.1.1. */
const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const SECP384R1 = '1.3.132.0.34'
const MAX_SERIAL_LENGTH = 20
/** Bytes of a coordinate, and of a signature's numbers. */
const COORDINATE_LENGTH = 48
/** SEC 1, section 2.3.3: 04 || x || y. */
const UNCOMPRESSED = 0x04
const POINT_LENGTH = 1 + 2 * COORDINATE_LENGTH

export interface Certificate {
  /** What the issuer signed. */
  readonly tbs: Uint8Array
  /** DER, for comparison. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly subjectName: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** 04 || x || y, 97 bytes; whether it is on the curve shows when it is imported. */
  readonly publicKey: Uint8Array
  readonly basicConstraints: BasicConstraints | undefined
  readonly keyUsage: Extensions['keyUsage']
  /** r || s, 96 bytes. */
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

function read(der: Uint8Array): Certificate {
  // A copy: what is read here are views, and nobody may change them later. One encoding or refused: that keeps bytes
  // after the certificate, and the names below, honest.
  const value = readDer(new Uint8Array(der))
  const [tbs, outerAlgorithm, signature] = sequence(value, 'Certificate', 3, 3)
  const fields = sequence(tbs, 'TBSCertificate', 7, 10)
  const [version, serial, innerAlgorithm, issuer, validity, subject, publicKeyInfo] = fields
  const [number, ...more] = is(version, 0, CONTEXT) ? version.children : []
  if (integer(number) !== 2 || more.length !== 0) throw malformed('it is not version 3')
  checkSerialNumber(serial)
  checkAlgorithm(innerAlgorithm)
  checkAlgorithm(outerAlgorithm)
  const [notBefore, notAfter] = sequence(validity, 'Validity', 2, 2)
  return {
    tbs: encoded(tbs),
    issuer: name(issuer, 'issuer').encoding,
    subject: name(subject, 'subject').encoding,
    subjectName: distinguishedName(subject),
    notBefore: time(notBefore),
    notAfter: time(notAfter),
    publicKey: point(publicKeyInfo),
    ...readExtensions(fields.slice(7)),
    signature: ecdsaSignature(bits(signature, 'signature'), COORDINATE_LENGTH),
  }
}

function checkAlgorithm(value: DerValue | undefined): void {
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

/** Of 20 octets at most (section 4.1.2.2), before which a sign octet may stand. */
function checkSerialNumber(value: DerValue | undefined): void {
  const [first = 0x80] = value?.content ?? []
  const length = (value?.content.length ?? 0) - (first === 0 ? 1 : 0)
  if (!is(value, TAG.INTEGER) || first >= 0x80 || length === 0 || length > MAX_SERIAL_LENGTH) {
    throw malformed(`its serial number is not a positive number of at most ${MAX_SERIAL_LENGTH} bytes`)
  }
}

/** An authority's name is never empty (sections 4.1.2.4, 4.1.2.6), and here nobody's is. */
function name(value: DerValue | undefined, what: string): DerValue {
  if (value === undefined || distinguishedName(value) === '') throw malformed(`its ${what} has no name`)
  return value
}

/** SubjectPublicKeyInfo (RFC 5480, section 2). */
function point(value: DerValue | undefined): Uint8Array {
  const [algorithm, key] = sequence(value, 'SubjectPublicKeyInfo', 2, 2)
  const [type, curve] = sequence(algorithm, 'AlgorithmIdentifier', 1, 2)
  const isP384 = is(curve, TAG.OBJECT_IDENTIFIER) && objectIdentifier(curve) === SECP384R1
  if (objectIdentifier(type) !== EC_PUBLIC_KEY || !isP384) {
    throw new VerificationError(
      'ERR_CERTIFICATE_ALGORITHM',
      "a certificate's key is not on P-384, by its name",
    )
  }
  const bytes = bits(key, 'public key')
  if (bytes.length !== POINT_LENGTH || bytes[0] !== UNCOMPRESSED) {
    throw malformed('its public key is not an uncompressed point of P-384')
  }
  return bytes
}

/** UTCTime and GeneralizedTime as DER writes them (RFC 5280, sections 4.1.2.5.1 and 4.1.2.5.2). */
function time(value: DerValue | undefined): Date {
  const text = toText(value?.content ?? new Uint8Array(0))
  if (is(value, TAG.UTC_TIME) && /^[0-9]{12}Z$/.test(text)) {
    const year = Number(text.slice(0, 2))
    return moment(year < 50 ? 2000 + year : 1900 + year, text.slice(2))
  }
  if (!is(value, TAG.GENERALIZED_TIME) || !/^[0-9]{14}Z$/.test(text))
    throw malformed('its validity is not a time')
  const year = Number(text.slice(0, 4))
  // UTCTime is the form of the years that it can tell.
  if (year < 2050) throw malformed('its validity is a GeneralizedTime before 2050')
  return moment(year, text.slice(4))
}

/** `digits`: month, day, hours, minutes and seconds, two of each. */
function moment(year: number, digits: string): Date {
  const at = (index: number) => Number(digits.slice(2 * index, 2 * index + 2))
  const date = new Date(Date.UTC(year, at(0) - 1, at(1), at(2), at(3), at(4)))
  const found = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()]
  // A Date turns the 30th of February into a day of March, and a 61st second into the next minute.
  const exact = found.every((part, index) => part === at(index))
  if (!exact) throw malformed('its validity is a time that no calendar has')
  return date
}

function sequence(
  value: DerValue | undefined,
  what: string,
  least: number,
  most: number,
): readonly DerValue[] {
  const length = value?.children.length ?? 0
  if (!is(value, TAG.SEQUENCE) || !value.constructed || length < least || length > most) {
    throw malformed(`its ${what} is not a sequence of ${least === most ? least : `${least} to ${most}`}`)
  }
  return value.children
}

function integer(value: DerValue | undefined): number {
  return is(value, TAG.INTEGER) && value.content.length === 1 ? (value.content[0] ?? -1) : -1
}

/** A bit string of whole bytes. */
function bits(value: DerValue | undefined, what: string): Uint8Array {
  if (!is(value, TAG.BIT_STRING) || value.content[0] !== 0) {
    throw malformed(`its ${what} is not a bit string of whole bytes`)
  }
  return value.content.subarray(1)
}

function encoded(value: DerValue | undefined): Uint8Array {
  if (value === undefined) throw malformed('a field is missing')
  return value.encoding
}

export function malformed(why: string): VerificationError {
  return new VerificationError('ERR_CERTIFICATE_MALFORMED', `a certificate is malformed: ${why}`)
}
