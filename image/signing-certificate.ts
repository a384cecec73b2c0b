/** The signing certificate as `nitro-cli describe-eif` shows it, which is as OpenSSL writes its parts. */
import type { X509Certificate } from 'node:crypto'
import { type Asn1Value, is, objectIdentifier, TAG } from '../shared/asn1.js'
import { readDer } from '../shared/der.js'
import { FormatError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'

export interface SigningCertificate {
  /** OpenSSL's long names of the attributes, in alphabetical order: `{ commonName: 'x', countryName: 'US' }`. */
  readonly IssuerName: Readonly<Record<string, string>>
  /** What the certificate is signed with: `ecdsa-with-SHA384`. */
  readonly Algorithm: string
  /** `Mar  1 12:00:00 2026 GMT`. Shown, never compared with a clock. */
  readonly NotBefore: string
  readonly NotAfter: string
  /** The issuer's signature: `30:65:02…`, in capitals. */
  readonly Signature: string
}

/** Attribute types, RFC 5280 (appendix A.1) and RFC 4519, under OpenSSL's long names. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'commonName',
  '2.5.4.4': 'surname',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'countryName',
  '2.5.4.7': 'localityName',
  '2.5.4.8': 'stateOrProvinceName',
  '2.5.4.9': 'streetAddress',
  '2.5.4.10': 'organizationName',
  '2.5.4.11': 'organizationalUnitName',
  '2.5.4.12': 'title',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'givenName',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'userId',
  '0.9.2342.19200300.100.1.25': 'domainComponent',
  '1.2.840.113549.1.9.1': 'emailAddress',
}

/** Signature algorithms, RFC 5758 (section 3.2), RFC 8017 (appendix A.2) and RFC 8410, likewise. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.1': 'ecdsa-with-SHA1',
  '1.2.840.10045.4.3.1': 'ecdsa-with-SHA224',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'rsassaPss',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.3.101.112': 'ED25519',
  '1.3.101.113': 'ED448',
}

/** UTF8String and T61String, of which asn1.ts has no need. */
const UTF8_STRING = 12

/** Throws FormatError ERR_BER for a certificate that is not in DER, or whose parts are of kinds not read here. */
export function describeCertificate(certificate: X509Certificate): SigningCertificate {
  const [tbs, algorithm, signature] = readDer(certificate.raw).children
  // The version, tag 0, is left out in version 1 (RFC 5280, section 4.1).
  const fields = tbs?.children ?? []
  const issuer = fields[fields[0]?.tagClass === 0 ? 2 : 3]
  const identifier = objectIdentifier(algorithm?.children[0])
  if (!is(signature, TAG.BIT_STRING)) throw new FormatError('ERR_BER', 'a certificate without signature')
  return {
    IssuerName: nameOf(issuer),
    Algorithm: ALGORITHMS[identifier] ?? identifier,
    NotBefore: certificate.validFrom,
    NotAfter: certificate.validTo,
    Signature: [...signature.content.subarray(1)].map(hex).join(':'),
  }
}

/** Of two attributes of one type the last is shown, as nitro-cli does. */
function nameOf(issuer: Asn1Value | undefined): Record<string, string> {
  if (!is(issuer, TAG.SEQUENCE)) throw new FormatError('ERR_BER', 'a certificate without issuer')
  const attributes = issuer.children.flatMap((rdn) => rdn.children)
  const entries = attributes.map((attribute) => {
    const [type, text] = attribute.children
    const identifier = objectIdentifier(type)
    return [ATTRIBUTES[identifier] ?? identifier, textOf(text)] as const
  })
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

function textOf(value: Asn1Value | undefined): string {
  const encoding = value?.tag === UTF8_STRING ? 'utf8' : 'latin1'
  return withoutControls(Buffer.from(value?.content ?? []).toString(encoding))
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
