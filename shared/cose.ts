/**
 * COSE_Sign1 (RFC 9052, section 4.2) with ES384 (RFC 9053, section 2.1): the one form that the Nitro Secure
 * Module signs. Protected header exactly {1: -35}, unprotected header empty, signature r || s of 96 bytes.
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
const ES384 = -35
/** Two 48-byte integers (RFC 9053, section 2.1). */
const SIGNATURE_LENGTH = 96

export interface CoseSign1 {
  /** The serialized protected header, as signed. */
  readonly protectedHeader: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** Reads a COSE_Sign1, tagged or not. Throws FormatError ERR_CBOR_*, ERR_COSE_*. */
export function parseSign1(bytes: Uint8Array, maxBytes: number): CoseSign1 {
  const value = decodeCbor(bytes[0] === TAG_SIGN1 ? bytes.subarray(1) : bytes, { maxBytes })
  if (!Array.isArray(value) || value.length !== 4) throw structure('not an array of four')
  const [protectedHeader, unprotected, payload, signature] = value
  if (!(protectedHeader instanceof Uint8Array)) throw structure('the protected header is not a byte string')
  if (!(unprotected instanceof Map)) throw structure('the unprotected header is not a map')
  if (!(payload instanceof Uint8Array) || payload.length === 0) throw structure('there is no payload')
  if (!(signature instanceof Uint8Array)) throw structure('the signature is not a byte string')
  if (unprotected.size !== 0) throw new FormatError('ERR_COSE_HEADER', 'the unprotected header is not empty')
  checkProtected(protectedHeader)
  if (signature.length !== SIGNATURE_LENGTH) {
    throw new FormatError(
      'ERR_COSE_SIGNATURE_LENGTH',
      `a signature of ${signature.length} bytes; ES384 has ${SIGNATURE_LENGTH}`,
    )
  }
  return { protectedHeader, payload, signature }
}

/** Verifies with a P-384 public key. High-S is accepted: hardware emits it. Throws VerificationError ERR_COSE_SIGNATURE. */
export function verifySign1(message: CoseSign1, key: KeyObject): void {
  const signed = sigStructure(message.protectedHeader, message.payload)
  if (!verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, message.signature)) {
    throw new VerificationError(
      'ERR_COSE_SIGNATURE',
      "the signature is not the certificate's over this payload",
    )
  }
}

/** Signs `payload` with a P-384 private key: untagged, as hardware emits it. */
export function signSign1(payload: Uint8Array, key: KeyObject): Uint8Array {
  const protectedHeader = encodeCbor(new Map([[ALG, ES384]]))
  const signature = sign('sha384', sigStructure(protectedHeader, payload), { key, dsaEncoding: 'ieee-p1363' })
  return encodeCbor([protectedHeader, new Map(), payload, new Uint8Array(signature)])
}

/** RFC 9052, section 4.4, without external data. */
function sigStructure(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload])
}

function checkProtected(bytes: Uint8Array): void {
  if (bytes.length === 0)
    throw new FormatError('ERR_COSE_ALGORITHM', 'the protected header names no algorithm')
  const header = decodeCbor(bytes)
  if (!(header instanceof Map)) throw structure('the protected header is not a map')
  if (header.has(CRIT))
    throw new FormatError('ERR_COSE_HEADER', 'a critical header parameter that is not understood')
  const algorithm = header.get(ALG)
  if (algorithm !== ES384) {
    throw new FormatError('ERR_COSE_ALGORITHM', `algorithm ${shown(algorithm)}; only ES384 (-35) is accepted`)
  }
  if (header.size !== 1)
    throw new FormatError('ERR_COSE_HEADER', 'the protected header has more than an algorithm')
}

function structure(what: string): FormatError {
  return new FormatError('ERR_COSE_STRUCTURE', `not a COSE_Sign1: ${what}`)
}
