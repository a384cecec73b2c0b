/** The elliptic curve of a public key, read from its DER SubjectPublicKeyInfo (RFC 5480, section 2.1.1). */
import { type Asn1Value, is, objectIdentifier, TAG } from '../../shared/asn1.js'
import { readDer } from '../../shared/der.js'

export interface Curve {
  /** As KMS calls its key spec. */
  readonly keySpec: string
  /** Bytes of a coordinate, and so of the raw shared secret (SEC 1, sections 2.3.5 and 3.3.1). */
  readonly fieldLength: number
}

/** Bytes of a PublicKey at most (KMS API Reference, "DeriveSharedSecret"). */
const MAX_LENGTH = 8_192

const EC_PUBLIC_KEY = '1.2.840.10045.2.1'

const CURVES: ReadonlyMap<string, Curve> = new Map([
  ['1.2.840.10045.3.1.7', { keySpec: 'ECC_NIST_P256', fieldLength: 32 }],
  ['1.3.132.0.34', { keySpec: 'ECC_NIST_P384', fieldLength: 48 }],
  ['1.3.132.0.35', { keySpec: 'ECC_NIST_P521', fieldLength: 66 }],
  ['1.3.132.0.10', { keySpec: 'ECC_SECG_P256K1', fieldLength: 32 }],
  // RFC 8998, section 3.2.1.
  ['1.2.156.10197.1.301', { keySpec: 'SM2', fieldLength: 32 }],
])

/** `undefined` when `spki` is no DER, no elliptic curve's key, or of a curve that KMS does not know. */
export function curveOf(spki: Uint8Array): Curve | undefined {
  if (spki.length > MAX_LENGTH) return undefined
  try {
    const [algorithm, point] = fields(readDer(spki))
    const [name, curve] = fields(algorithm)
    if (objectIdentifier(name) !== EC_PUBLIC_KEY || !is(point, TAG.BIT_STRING)) return undefined
    return CURVES.get(objectIdentifier(curve))
  } catch {
    return undefined
  }
}

function fields(value: Asn1Value | undefined): readonly Asn1Value[] {
  return is(value, TAG.SEQUENCE) && value.children.length === 2 ? value.children : []
}
