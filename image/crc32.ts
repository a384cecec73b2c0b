/**
 * The checksum of two pieces in a row, from the checksums of each: a file's header stands first and is known last.
 * CRC-32/ISO-HDLC, as in zlib; the combination is a multiplication of polynomials over GF(2).
 */

/** x^32 + x^26 + …, its coefficients from the lowest power on, as the checksum has its bits. */
const POLYNOMIAL = 0xedb88320
/** The polynomial 1, and x^8: one byte. */
const ONE = 0x80000000
const BYTE = 0x00800000

/** `first` and `second` are the checksums, `length` the bytes of what `second` is of. */
export function combineCrc32(first: number, second: number, length: number): number {
  let shift = ONE
  let power = BYTE
  for (let rest = BigInt(length); rest > 0n; rest >>= 1n) {
    if (rest & 1n) shift = multiply(shift, power)
    power = multiply(power, power)
  }
  return (multiply(shift, first) ^ second) >>> 0
}

/** The product of two polynomials modulo the checksum's. */
function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= b
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1
  }
  return product >>> 0
}
