/** The primitives by node:crypto, without leaving the thread: one document needs no pool. */
import { createHash, KeyObject, timingSafeEqual, verify, webcrypto } from 'node:crypto'
import type { Primitives } from './primitives.js'

const P384 = { name: 'ECDSA', namedCurve: 'P-384' } as const

export const nodePrimitives: Primitives<KeyObject> = {
  // A third of the time that createPublicKey takes, which looks for a decoder first. Extractable: DEP0204.
  importKey: async (point) => KeyObject.from(await webcrypto.subtle.importKey('raw', point, P384, true, [])),
  verify: (key, data, signature) => verify('sha384', data, { key, dsaEncoding: 'ieee-p1363' }, signature),
  sha384: (data) => new Uint8Array(createHash('sha384').update(data).digest()),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}
