/** Changes that know nothing of a format. */
import type { Random } from '../random.js'
import type { Mutator } from '../target.js'

/** Bytes at which lengths, signs and continuations turn. */
const EDGES = [0x00, 0x01, 0x17, 0x18, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0xa0, 0xbf, 0xdf, 0xfe, 0xff]
const WIDTHS = [1, 2, 4, 8] as const
/** Bytes that an insertion has at most, nearly always; and now and then. */
const SHORT = 16
const LONG = 1024

/** `count` bytes from `at` on, replaced. */
export function replaced(bytes: Uint8Array, at: number, count: number, by: Uint8Array): Uint8Array {
  const end = Math.min(bytes.length, at + count)
  const result = new Uint8Array(at + by.length + bytes.length - end)
  result.set(bytes.subarray(0, at))
  result.set(by, at)
  result.set(bytes.subarray(end), at + by.length)
  return result
}

function length(random: Random): number {
  return 1 + random.below(random.once(16) ? LONG : SHORT)
}

/** A place in it, the end included. */
function place(bytes: Uint8Array, random: Random): number {
  return random.below(bytes.length + 1)
}

function piece(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length)
  return bytes.subarray(at, at + length(random))
}

const flip: Mutator = (bytes, { random }) => {
  const at = random.below(bytes.length)
  return replaced(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << random.below(8))))
}

const setEdge: Mutator = (bytes, { random }) =>
  replaced(bytes, random.below(bytes.length), 1, Uint8Array.of(random.pick(EDGES)))

const setRandom: Mutator = (bytes, { random }) => {
  const some = random.bytes(length(random))
  return replaced(bytes, place(bytes, random), some.length, some)
}

const insertRandom: Mutator = (bytes, { random }) =>
  replaced(bytes, place(bytes, random), 0, random.bytes(length(random)))

const insertRun: Mutator = (bytes, { random }) =>
  replaced(bytes, place(bytes, random), 0, new Uint8Array(length(random)).fill(random.pick(EDGES)))

const remove: Mutator = (bytes, { random }) =>
  replaced(bytes, random.below(bytes.length), length(random), new Uint8Array(0))

const duplicate: Mutator = (bytes, { random }) =>
  replaced(bytes, place(bytes, random), 0, piece(bytes, random))

const cut: Mutator = (bytes, { random }) => bytes.slice(0, place(bytes, random))

const overwriteFromOther: Mutator = (bytes, { random, other }) => {
  const some = piece(other(), random)
  return replaced(bytes, place(bytes, random), some.length, some)
}

const insertFromOther: Mutator = (bytes, { random, other }) =>
  replaced(bytes, place(bytes, random), 0, piece(other(), random))

/** The beginning of one, the end of another. */
const splice: Mutator = (bytes, { random, other }) => {
  const second = other()
  return replaced(bytes, place(bytes, random), bytes.length, second.subarray(random.below(second.length)))
}

/** A number of 1, 2, 4 or 8 bytes, as lengths are: a little more, a little less, or an extreme. */
const editNumber: Mutator = (bytes, { random }) => {
  const width = random.pick(WIDTHS)
  if (bytes.length < width) return bytes
  const at = random.below(bytes.length - width + 1)
  const old = bytes.slice(at, at + width).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  const bits = BigInt(8 * width)
  const extremes = [0n, 1n, (1n << bits) - 1n, 1n << (bits - 1n), (1n << (bits - 1n)) - 1n]
  const near = old + BigInt(random.below(33) - 16)
  const value = BigInt.asUintN(8 * width, random.once(3) ? random.pick(extremes) : near)
  const written = Uint8Array.from(
    { length: width },
    (_, i) => Number(value >> (bits - 8n * BigInt(i + 1))) & 0xff,
  )
  return replaced(bytes, at, width, written)
}

export const BYTE_MUTATORS: readonly Mutator[] = [
  flip,
  setEdge,
  setRandom,
  insertRandom,
  insertRun,
  remove,
  duplicate,
  cut,
  overwriteFromOther,
  insertFromOther,
  splice,
  editNumber,
]

/** Puts in something that the format knows, or puts it in place of something. */
export function insertToken(tokens: readonly Uint8Array[]): Mutator {
  return (bytes, { random }) => {
    const token = random.pick(tokens)
    return replaced(bytes, place(bytes, random), random.once(2) ? token.length : 0, token)
  }
}
