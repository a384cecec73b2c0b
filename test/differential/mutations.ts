/** Damage to bytes, without knowing what they mean. */
import type { Randomness } from './randomness.js'

/** Bytes that mean much in CBOR or DER: ends, nulls, indefinite lengths, long lengths, tags. */
const TELLING = [
  0x00, 0x01, 0x02, 0x04, 0x05, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x9f, 0xa0, 0xbf, 0xf6, 0xf7, 0xff,
]

const KINDS: Readonly<Record<string, (bytes: Uint8Array, at: number, random: Randomness) => Uint8Array>> = {
  'a flipped bit': (bytes, at, random) => replaced(bytes, at, 1, [(bytes[at] ?? 0) ^ (1 << random.below(8))]),
  'another byte': (bytes, at, random) => replaced(bytes, at, 1, [random.one(TELLING)]),
  'a byte more': (bytes, at, random) => replaced(bytes, at, 0, [random.one(TELLING)]),
  'bytes fewer': (bytes, at, random) => replaced(bytes, at, 1 + random.below(4), []),
  'a cut': (bytes, at) => bytes.slice(0, at),
  'bytes twice': (bytes, at, random) => replaced(bytes, at, 0, bytes.subarray(at, at + 1 + random.below(60))),
}

export interface Mutant {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Damage that moves nothing, so that lengths stay right. */
export const IN_PLACE = ['a flipped bit', 'another byte']

/** `bytes` damaged once, at a place from `from` to `to` - 1. */
export function damaged(
  bytes: Uint8Array,
  random: Randomness,
  { from = 0, to = bytes.length, kinds = Object.keys(KINDS) } = {},
): Mutant {
  const at = from + random.below(to - from)
  const kind = random.one(kinds)
  const damage = KINDS[kind]
  if (damage === undefined) throw new RangeError(kind)
  return { name: `${kind} at ${at}`, bytes: damage(bytes, at, random) }
}

function replaced(bytes: Uint8Array, at: number, removed: number, inserted: ArrayLike<number>): Uint8Array {
  const rest = bytes.subarray(at + removed)
  const result = new Uint8Array(at + inserted.length + rest.length)
  result.set(bytes.subarray(0, at))
  result.set(inserted, at)
  result.set(rest, at + inserted.length)
  return result
}
