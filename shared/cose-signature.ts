/** Signatures of COSE_Sign1 (RFC 9053, section 2.1) by keys of Node's, on the curves that enclave images are signed with. */
import { type KeyObject, sign, verify } from 'node:crypto'
import { encodeCbor } from './cbor-writing.js'
import { ALG, ALGORITHMS, type CoseAlgorithm, type CoseSign1, toBeSigned } from './cose.js'
import { VerificationError } from './errors.js'

interface Signature {
  readonly hash: string
  /** OpenSSL's name of the curve. RFC 9053 ties none to a hash; whoever signs enclave images does. */
  readonly curve: string
}

const SIGNATURES: Readonly<Record<CoseAlgorithm, Signature>> = {
  ES256: { hash: 'sha256', curve: 'prime256v1' },
  ES384: { hash: 'sha384', curve: 'secp384r1' },
  ES512: { hash: 'sha512', curve: 'secp521r1' },
}

/** The algorithm of a key's curve: P-256, P-384 or P-521. Undefined for any other key. */
export function coseAlgorithmOf(key: KeyObject): CoseAlgorithm | undefined {
  const curve = key.asymmetricKeyDetails?.namedCurve
  const names = Object.keys(SIGNATURES) as CoseAlgorithm[]
  return names.find((name) => SIGNATURES[name].curve === curve)
}

/**
 * Verifies with a public key on the curve of `algorithm`. High-S is accepted: hardware emits it.
 * Throws VerificationError ERR_COSE_SIGNATURE.
 */
export function verifySign1(message: CoseSign1, key: KeyObject, algorithm: CoseAlgorithm = 'ES384'): void {
  const { hash } = SIGNATURES[algorithm]
  if (!verify(hash, toBeSigned(message), { key, dsaEncoding: 'ieee-p1363' }, message.signature)) {
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
  const protectedHeader = encodeCbor(new Map([[ALG, ALGORITHMS[algorithm].identifier]]))
  const signed = toBeSigned({ protectedHeader, payload })
  const signature = sign(SIGNATURES[algorithm].hash, signed, { key, dsaEncoding: 'ieee-p1363' })
  return encodeCbor([protectedHeader, new Map(), payload, new Uint8Array(signature)])
}
