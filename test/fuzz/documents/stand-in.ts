/**
 * A stand-in for ECDSA: whoever knows a public key can sign for it. It costs a hash, so that every changed document can
 * be signed again and get past the signature; what is fuzzed is everything but the curve. Nothing outside these tests
 * takes it.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Primitives } from '../../../shared/crypto/primitives.js'

/** r || s, 96 bytes. */
export function standInSignature(point: Uint8Array, data: Uint8Array): Uint8Array {
  const r = createHash('sha384').update(point).update(data).digest()
  return Buffer.concat([r, createHash('sha384').update(r).digest()])
}

export const standIn: Primitives<Uint8Array> = {
  importKey: (point) => {
    if (point[1] === 0xff) throw new Error('not on this curve')
    return Uint8Array.from(point)
  },
  verify: (key, data, signature) => Buffer.compare(standInSignature(key, data), signature) === 0,
  sha384: (data) => new Uint8Array(createHash('sha384').update(data).digest()),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}
