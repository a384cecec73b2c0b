/**
 * The signature section: CBOR, an array of one map whose certificate and COSE_Sign1 are arrays of integers, a byte
 * each. Source: aws-nitro-enclaves-image-format, src/defs (PcrSignature, PcrInfo), EIF v3.
 */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { type CborValue, decodeCbor } from '../shared/cbor.js'
import { encodeCbor } from '../shared/cbor-writing.js'
import { parseSign1 } from '../shared/cose.js'
import { coseAlgorithmOf, signSign1, verifySign1 } from '../shared/cose-signature.js'
import { FormatError, VerificationError } from '../shared/errors.js'
import { certificateBlocks } from '../shared/pem.js'

/** Bytes, each of which may be an item: as much as a reader lets in. */
const MAX_LENGTH = 1024 * 1024

export interface EifSignature {
  readonly certificate: X509Certificate
  /** COSE_Sign1. */
  readonly signature: Uint8Array
}

/** Throws FormatError ERR_EIF_SIGNATURE, ERR_CBOR_*. */
export function parseSignature(section: Uint8Array): EifSignature {
  const value = decodeCbor(section, { maxBytes: MAX_LENGTH, maxItems: MAX_LENGTH })
  if (!Array.isArray(value) || value.length !== 1) throw malformed('it is not an array of one signature')
  const [one] = value as readonly CborValue[]
  if (!(one instanceof Map) || one.size !== 2) throw malformed('it is not a map of two members')
  return {
    certificate: parseCertificate(bytesOf(one.get('signing_certificate'), 'signing_certificate')),
    signature: bytesOf(one.get('signature'), 'signature'),
  }
}

/**
 * Gives true when the certificate's key signed this PCR0, and throws otherwise. The certificate itself is not judged:
 * neither its issuer nor its dates. Throws FormatError ERR_COSE_*, ERR_CBOR_*, ERR_EIF_SIGNATURE; VerificationError ERR_COSE_SIGNATURE.
 */
export function verifyPcr0({ certificate, signature }: EifSignature, pcr0: string): true {
  const key = publicKeyOf(certificate)
  const algorithm = key && coseAlgorithmOf(key)
  if (!key || !algorithm) throw malformed("the certificate's key is not on P-256, P-384 or P-521")
  const message = parseSign1(signature, MAX_LENGTH, algorithm)
  verifySign1(message, key, algorithm)
  if (Buffer.compare(message.payload, payloadOf(pcr0)) !== 0) {
    throw new VerificationError('ERR_COSE_SIGNATURE', 'what was signed is not the PCR0 of this image')
  }
  return true
}

/** The section for an image with this PCR0. The key's curve is one of the three, and the key the certificate's. */
export function writeSignature(certificate: X509Certificate, key: KeyObject, pcr0: string): Uint8Array {
  const signature = signSign1(payloadOf(pcr0), key, coseAlgorithmOf(key))
  const map = new Map<string, CborValue>([
    ['signing_certificate', [...Buffer.from(certificate.toString())]],
    ['signature', [...signature]],
  ])
  return encodeCbor([map])
}

/** PcrInfo. */
function payloadOf(pcr0: string): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ['register_index', 0],
      ['register_value', [...Buffer.from(pcr0, 'hex')]],
    ]),
  )
}

function bytesOf(value: CborValue | undefined, name: string): Uint8Array {
  const isByte = (item: CborValue) => typeof item === 'number' && item >= 0 && item <= 255
  if (!Array.isArray(value) || !value.every(isByte)) throw malformed(`${name} is not an array of bytes`)
  return Uint8Array.from(value as readonly number[])
}

/** PEM, perhaps between other text: the first certificate, as nitro-cli takes it. */
function parseCertificate(pem: Uint8Array): X509Certificate {
  const [block = ''] = certificateBlocks(Buffer.from(pem).toString('latin1'))
  try {
    return new X509Certificate(block)
  } catch {
    throw malformed('signing_certificate is no certificate in PEM')
  }
}

/** Undefined for a key that this OpenSSL cannot read. */
function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey
  } catch {
    return undefined
  }
}

function malformed(why: string): FormatError {
  return new FormatError('ERR_EIF_SIGNATURE', why)
}
