/** ECDSA-Sig-Value (RFC 3279, section 2.2.3) as r || s (IEEE P1363), the form that every platform verifies. */
import { type Asn1Value, is, TAG } from './asn1.js'
import { readDer } from './der.js'
import { FormatError } from './errors.js'

/** `length`: bytes of each of the two, the curve's. Throws FormatError ERR_BER when it is not DER, or a number does not fit. */
export function ecdsaSignature(der: Uint8Array, length: number): Uint8Array {
  const value = readDer(der)
  if (!is(value, TAG.SEQUENCE) || value.children.length !== 2) throw malformed()
  const signature = new Uint8Array(2 * length)
  value.children.forEach((number, i) => {
    const digits = magnitude(number)
    if (digits.length > length) throw malformed()
    signature.set(digits, (i + 1) * length - digits.length)
  })
  return signature
}

function magnitude(number: Asn1Value): Uint8Array {
  const [first = 0] = number.content
  if (!is(number, TAG.INTEGER) || first >= 0x80) throw malformed()
  return first === 0 ? number.content.subarray(1) : number.content
}

function malformed(): FormatError {
  return new FormatError('ERR_BER', 'its signature is not a pair of numbers of its curve')
}
