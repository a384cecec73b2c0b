/**
 * An RSA-2048 key that a text decides: the same one in every run, so that kept envelopes still open, and no private key
 * in the project. It protects nothing.
 */
import { checkPrimeSync, createHash, createPrivateKey, type KeyObject } from 'node:crypto'

const PRIME_BYTES = 128
const EXPONENT = 65_537n

export function rsaKeyOf(label: string): KeyObject {
  const [p, q] = [prime(`${label} p`), prime(`${label} q`)]
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n))
  const jwk = {
    kty: 'RSA',
    n: base64url(p * q),
    e: base64url(EXPONENT),
    d: base64url(d),
    p: base64url(p),
    q: base64url(q),
    dp: base64url(d % (p - 1n)),
    dq: base64url(d % (q - 1n)),
    qi: base64url(inverse(q, p)),
  }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

/** The first one from a number on that begins with two ones, so that two of them have 2,048 bits. */
function prime(label: string): bigint {
  const start = createHash('shake256', { outputLength: PRIME_BYTES }).update(label).digest()
  start[0] = (start[0] ?? 0) | 0xc0
  start[PRIME_BYTES - 1] = (start[PRIME_BYTES - 1] ?? 0) | 1
  let candidate = BigInt(`0x${start.toString('hex')}`)
  while (candidate % EXPONENT === 1n || !checkPrimeSync(candidate)) candidate += 2n
  return candidate
}

/** By Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next] = [modulus, value % modulus]
  let [factor, nextFactor] = [0n, 1n]
  while (next !== 0n) {
    const quotient = rest / next
    ;[rest, next] = [next, rest - quotient * next]
    ;[factor, nextFactor] = [nextFactor, factor - quotient * nextFactor]
  }
  return ((factor % modulus) + modulus) % modulus
}

function base64url(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
