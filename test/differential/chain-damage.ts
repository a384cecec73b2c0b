/** Certificates of a good chain, damaged at random and signed again: damage that a signature does not show. */
import { KeyObject, sign } from 'node:crypto'
import { primitive, TAG } from '../../shared/asn1.js'
import { writeDer } from '../../shared/ber.js'
import { readDer } from '../../shared/der.js'
import { keysOf, PLACES, type Place } from '../support/certificates.js'
import { damaged, IN_PLACE, type Mutant } from './mutations.js'
import type { Randomness } from './randomness.js'

/** The certificate `der`, which stands at `place`. */
export async function damagedAndSigned(der: Uint8Array, place: Place, random: Randomness): Promise<Mutant> {
  const [tbs, algorithm] = readDer(der).children.map((child) => Uint8Array.from(child.encoding))
  if (tbs === undefined || algorithm === undefined) throw new Error('a certificate has three parts')
  const { name, bytes } = damaged(tbs, random, {
    kinds: [...IN_PLACE, ...IN_PLACE, 'a byte more', 'bytes fewer'],
  })
  const issuer = PLACES[Math.max(0, PLACES.indexOf(place) - 1)] ?? 'root'
  const key = KeyObject.from((await keysOf(issuer)).privateKey)
  const signature = writeDer(primitive(TAG.BIT_STRING, Uint8Array.from([0, ...sign('sha384', bytes, key)])))
  const content = Buffer.concat([bytes, algorithm, signature])
  const head = Uint8Array.of(0x30, 0x82, content.length >> 8, content.length & 0xff)
  return { name: `${place}: ${name}`, bytes: new Uint8Array(Buffer.concat([head, content])) }
}
