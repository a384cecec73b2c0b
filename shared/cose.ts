/**
 * COSE_Sign1 (RFC 9052, section 4.2) with ECDSA (RFC 9053, section 2.1), in the one form that the Nitro Secure Module
 * signs: protected header exactly {1: algorithm}, unprotected header empty, signature r || s. The algorithm is what the
 * caller expects, never the message's choice: ES384 unless told otherwise.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import { decodeCbor, encodeCbor } from './cbor.js'
import { FormatError, VerificationError } from './errors.js'
import { shown } from './printable.js'

/** CBOR tag 18, COSE_Sign1 (RFC 9052, section 2); optional, and left out by hardware. */
const TAG_SIGN1 = 0xd2
/** Header parameters alg and crit (RFC 9052, section 3.1). */
const ALG = 1
const CRIT = 2

export type CoseAlgorithm = 'ES256' | 'ES384' | 'ES512'

interface Ecdsa {
  /** Value of header parameter alg. */
  readonly identifier: number
  readonly hash: string
  /** OpenSSL's name of the curve. RFC 9053 ties none to a hash; whoever signs enclave images does. */
  readonly curve: string
  /** Bytes: two integers as long as the curve's order. */
  readonly signatureLength: number
}

/** RFC 9053, section 2.1. */
const ALGORITHMS: Readonly<Record<CoseAlgorithm, Ecdsa>> = {
  ES256: { identifier: -7, hash: 'sha256', curve: 'prime256v1', signatureLength: 64 },
  ES384: { identifier: -35, hash: 'sha384', curve: 'secp384r1', signatureLength: 96 },
  ES512: { identifier: -36, hash: 'sha512', curve: 'secp521r1', signatureLength: 132 },
}

export interface CoseSign1 {
  /** The serialized protected header, as signed. */
  readonly protectedHeader: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** The algorithm of a key's curve: P-256, P-384 or P-521. Undefined for any other key. */
export function coseAlgorithmOf(key: KeyObject): CoseAlgorithm | undefined {
  const curve = key.asymmetricKeyDetails?.namedCurve
  const names = Object.keys(ALGORITHMS) as CoseAlgorithm[]
  return curve === undefined ? undefined : names.find((name) => ALGORITHMS[name].curve === curve)
}

/** Reads a COSE_Sign1 of `algorithm`, tagged or not. Throws FormatError ERR_CBOR_*, ERR_COSE_*. */
export function parseSign1(
  bytes: Uint8Array,
  maxBytes: number,
  algorithm: CoseAlgorithm = 'ES384',
): CoseSign1 {
  const value = decodeCbor(bytes[0] === TAG_SIGN1 ? bytes.subarray(1) : bytes, { maxBytes })
  if (!Array.isArray(value) || value.length !== 4) throw structure('not an array of four')
  const [protectedHeader, unprotected, payload, signature] = value
  if (!(protectedHeader instanceof Uint8Array)) throw structure('the protected header is not a byte string')
  if (!(unprotected instanceof Map)) throw structure('the unprotected header is not a map')
  if (!(payload instanceof Uint8Array) || payload.length === 0) throw structure('there is no payload')
  if (!(signature instanceof Uint8Array)) throw structure('the signature is not a byte string')
  if (unprotected.size !== 0) throw new FormatError('ERR_COSE_HEADER', 'the unprotected header is not empty')
  checkProtected(protectedHeader, algorithm)
  const { signatureLength } = ALGORITHMS[algorithm]
  if (signature.length !== signatureLength) {
    throw new FormatError(
      'ERR_COSE_SIGNATURE_LENGTH',
      `a signature of ${signature.length} bytes; ${algorithm} has ${signatureLength}`,
    )
  }
  return { protectedHeader, payload, signature }
}

/**
 * Verifies with a public key on the curve of `algorithm`. High-S is accepted: hardware emits it.
 * Throws VerificationError ERR_COSE_SIGNATURE.
 */
export function verifySign1(message: CoseSign1, key: KeyObject, algorithm: CoseAlgorithm = 'ES384'): void {
  const signed = sigStructure(message.protectedHeader, message.payload)
  const { hash } = ALGORITHMS[algorithm]
  if (!verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, message.signature)) {
    throw new VerificationError(
      'ERR_COSE_SIGNATURE',
      "the signature is not the certificate's over this payload",
    )
  }
}

/** Signs `payload` with a private key on the curve of `algorithm`: untagged, as hardware emits it. */
export function signSign1(
  payload: Uint8Array,
  key: KeyObject,
  algorithm: CoseAlgorithm = 'ES384',
): Uint8Array {
  const { identifier, hash } = ALGORITHMS[algorithm]
  const protectedHeader = encodeCbor(new Map([[ALG, identifier]]))
  const signature = sign(hash, sigStructure(protectedHeader, payload), { key, dsaEncoding: 'ieee-p1363' })
  return encodeCbor([protectedHeader, new Map(), payload, new Uint8Array(signature)])
}

/** RFC 9052, section 4.4, without external data. */
function sigStructure(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload])
}

function checkProtected(bytes: Uint8Array, expected: CoseAlgorithm): void {
  if (bytes.length === 0)
    throw new FormatError('ERR_COSE_ALGORITHM', 'the protected header names no algorithm')
  const header = decodeCbor(bytes)
  if (!(header instanceof Map)) throw structure('the protected header is not a map')
  if (header.has(CRIT))
    throw new FormatError('ERR_COSE_HEADER', 'a critical header parameter that is not understood')
  const algorithm = header.get(ALG)
  const { identifier } = ALGORITHMS[expected]
  if (algorithm !== identifier) {
    throw new FormatError(
      'ERR_COSE_ALGORITHM',
      `algorithm ${shown(algorithm)}; only ${expected} (${identifier}) is accepted`,
    )
  }
  if (header.size !== 1)
    throw new FormatError('ERR_COSE_HEADER', 'the protected header has more than an algorithm')
}

function structure(what: string): FormatError {
  return new FormatError('ERR_COSE_STRUCTURE', `not a COSE_Sign1: ${what}`)
}
