/** COSE_Sign1 of any shape, signed for real over whatever it says (RFC 9052, section 4.4). */
import { sign } from 'node:crypto'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import type { Chain } from '../../support/certificates.js'

export const ES384 = Uint8Array.of(0xa1, 0x01, 0x38, 0x22)

export interface Sealing {
  /** The protected header, serialized. */
  readonly header?: Uint8Array
  readonly context?: string
  readonly external?: Uint8Array
  readonly hash?: 'sha256' | 'sha384' | 'sha512'
}

/** r || s of the chain's leaf. */
export function signatureOver(payload: Uint8Array, { leafKey }: Chain, sealing: Sealing = {}): Uint8Array {
  const { header = ES384, context = 'Signature1', external = new Uint8Array(0), hash = 'sha384' } = sealing
  const signed = encodeCbor([context, header, external, payload])
  return new Uint8Array(sign(hash, signed, { key: leafKey, dsaEncoding: 'ieee-p1363' }))
}

export function sealed(payload: Uint8Array, chain: Chain, sealing: Sealing = {}): Uint8Array {
  const signature = signatureOver(payload, chain, sealing)
  return encodeCbor([sealing.header ?? ES384, new Map(), payload, signature])
}
