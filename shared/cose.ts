/**
 * COSE_Sign1 (RFC 9052, section 4.2) with ECDSA (RFC 9053, section 2.1), in the one form that the Nitro Secure Module
 * signs: protected header exactly {1: algorithm}, unprotected header empty, signature r || s. The algorithm is what the
 * caller expects, never the message's choice: ES384 unless told otherwise.
 */
import { concatenated } from './bytes.js'
import { decodeCbor } from './cbor.js'
import { FormatError } from './errors.js'
import { shown } from './printable.js'

/** CBOR tag 18, COSE_Sign1 (RFC 9052, section 2); optional, and left out by hardware. */
const TAG_SIGN1 = 0xd2
/** Header parameters alg and crit (RFC 9052, section 3.1). */
export const ALG = 1
const CRIT = 2

/** An array of four, of which the first is the text "Signature1". */
const SIGNATURE1 = Uint8Array.of(0x84, 0x6a, ...new TextEncoder().encode('Signature1'))
const NO_EXTERNAL_DATA = Uint8Array.of(0x40)

export type CoseAlgorithm = 'ES256' | 'ES384' | 'ES512'

interface Ecdsa {
  /** Value of header parameter alg. */
  readonly identifier: number
  /** Bytes: two integers as long as the curve's order. */
  readonly signatureLength: number
}

/** RFC 9053, section 2.1. */
export const ALGORITHMS: Readonly<Record<CoseAlgorithm, Ecdsa>> = {
  ES256: { identifier: -7, signatureLength: 64 },
  ES384: { identifier: -35, signatureLength: 96 },
  ES512: { identifier: -36, signatureLength: 132 },
}

export interface CoseSign1 {
  /** The serialized protected header, as signed. */
  readonly protectedHeader: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
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

/** What is signed: the Sig_structure (RFC 9052, section 4.4), without external data. */
export function toBeSigned({ protectedHeader, payload }: Omit<CoseSign1, 'signature'>): Uint8Array {
  const parts = [SIGNATURE1, head(protectedHeader), protectedHeader, NO_EXTERNAL_DATA, head(payload), payload]
  return concatenated(parts)
}

/** Of a byte string: major type 2 and the length (RFC 8949, section 3). */
function head({ length }: Uint8Array): Uint8Array {
  if (length < 24) return Uint8Array.of(0x40 | length)
  if (length < 0x100) return Uint8Array.of(0x58, length)
  if (length < 0x10000) return Uint8Array.of(0x59, length >> 8, length & 0xff)
  return Uint8Array.of(0x5a, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
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
