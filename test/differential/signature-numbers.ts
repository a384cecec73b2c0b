/** ECDSA signatures on P-384 as numbers, as r || s and as DER. */
import { constructed, primitive, TAG } from '../../shared/asn1.js'
import { writeDer } from '../../shared/ber.js'

/** The order of P-384 (SP 800-186, section 3.2.1.4). */
export const ORDER = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
)

/** Bytes of each of the two. */
export const NUMBER_LENGTH = 48

export function numbersOf(signature: Uint8Array): { readonly r: bigint; readonly s: bigint } {
  return { r: number(signature.subarray(0, NUMBER_LENGTH)), s: number(signature.subarray(NUMBER_LENGTH)) }
}

/** r || s, each modulo 2^384. */
export function signatureOf(r: bigint, s: bigint): Uint8Array {
  return new Uint8Array(Buffer.concat([bytesOf(r), bytesOf(s)]))
}

/** ECDSA-Sig-Value (RFC 3279, section 2.2.3). */
export function derOf(signature: Uint8Array): Uint8Array {
  const { r, s } = numbersOf(signature)
  return writeDer(constructed(TAG.SEQUENCE, [integer(r), integer(s)]))
}

function integer(value: bigint) {
  const digits = value.toString(16)
  const content = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  const positive = (content[0] ?? 0) >= 0x80 ? Buffer.concat([Uint8Array.of(0), content]) : content
  return primitive(TAG.INTEGER, new Uint8Array(positive))
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

function bytesOf(value: bigint): Uint8Array {
  const digits = BigInt.asUintN(8 * NUMBER_LENGTH, value).toString(16)
  return Buffer.from(digits.padStart(2 * NUMBER_LENGTH, '0'), 'hex')
}
