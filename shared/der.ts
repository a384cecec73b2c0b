/**
 * DER (ITU-T X.690, sections 10 and 11), read so that each value has one encoding only. Reads only the subset needed:
 * low tag numbers, values of less than 64 KiB, nothing constructed but sequences, sets and tagged values.
 */
import { type Asn1Value, TAG, UNIVERSAL } from './asn1.js'
import { FormatError } from './errors.js'

/** A certificate nests 9 deep. */
const MAX_DEPTH = 16
/** Bits of the identifier octet (section 8.1.2). */
const CLASS = 0xc0
const CONSTRUCTED = 0x20
const TAG_NUMBER = 0x1f

const NO_CHILDREN: readonly DerValue[] = []

export interface DerValue extends Asn1Value {
  /** The whole value, tag and length too. */
  readonly encoding: Uint8Array
  readonly children: readonly DerValue[]
}

interface Place {
  readonly bytes: Uint8Array
  readonly start: number
  /** Where the content begins, and where the value ends. */
  readonly from: number
  readonly to: number
}

/** Most values are asked for their children alone: views of the bytes are made when they are asked for. */
class View implements DerValue {
  readonly tagClass: number
  readonly tag: number
  readonly constructed: boolean
  readonly children: readonly DerValue[]
  readonly #place: Place

  constructor(identifier: number, children: readonly DerValue[], place: Place) {
    this.tagClass = identifier & CLASS
    this.tag = identifier & TAG_NUMBER
    this.constructed = (identifier & CONSTRUCTED) !== 0
    this.children = children
    this.#place = place
  }

  get content(): Uint8Array {
    const { bytes, from, to } = this.#place
    return bytes.subarray(this.constructed ? to : from, to)
  }

  get encoding(): Uint8Array {
    const { bytes, start, to } = this.#place
    return bytes.subarray(start, to)
  }
}

/** Reads exactly one value from `bytes`, of which it keeps views. Throws FormatError ERR_BER. */
export function readDer(bytes: Uint8Array): DerValue {
  const { value, end } = readValue(bytes, 0, bytes.length, 0)
  if (end !== bytes.length) throw notDer('bytes after the value')
  return value
}

function readValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): { value: DerValue; end: number } {
  const identifier = bytes[start] ?? 0
  const tag = identifier & TAG_NUMBER
  const isUniversal = (identifier & CLASS) === UNIVERSAL
  const isConstructed = (identifier & CONSTRUCTED) !== 0
  if (tag === TAG_NUMBER) throw notDer('a tag number of several bytes')
  // In the universal class exactly sequences and sets are constructed (sections 8.9.1, 8.11.1, 10.2); tag 0 is BER's end mark.
  const structured = tag === TAG.SEQUENCE || tag === TAG.SET
  if (isUniversal && (tag === 0 || isConstructed !== structured)) throw notDer('a value of a wrong form')

  const { from, to } = readLength(bytes, start + 1, end)
  const children = isConstructed ? readChildren(bytes, from, to, depth + 1) : NO_CHILDREN
  const value = new View(identifier, children, { bytes, start, from, to })
  if (isUniversal && !isConstructed) checkContent(tag, value.content)
  return { value, end: to }
}

function readChildren(bytes: Uint8Array, start: number, end: number, depth: number): DerValue[] {
  if (depth > MAX_DEPTH) throw notDer(`nested deeper than ${MAX_DEPTH}`)
  const children: DerValue[] = []
  for (let at = start; at < end; ) {
    const child = readValue(bytes, at, end, depth)
    children.push(child.value)
    at = child.end
  }
  return children
}

/** Where the content stands. A length is definite, and as short as can be (section 10.1). */
function readLength(bytes: Uint8Array, at: number, end: number): { from: number; to: number } {
  const first = bytes[at] ?? 0x80
  const width = first < 0x80 ? 0 : first & 0x7f
  const from = at + 1 + width
  if (first === 0x80 || width > 2) throw notDer('a length that is not read here')
  let length = width === 0 ? first : 0
  for (let i = at + 1; i < from; i++) length = length * 256 + (bytes[i] ?? 0)
  if (width > 0 && length < (width === 1 ? 0x80 : 0x100)) throw notDer('a length longer than needed')
  const to = from + length
  if (to > end) throw notDer('a value cut short')
  return { from, to }
}

/** Contents that have several forms in BER (sections 8.2, 8.3, 8.6, 8.8, 11.1, 11.2). */
function checkContent(tag: number, content: Uint8Array): void {
  const { length } = content
  const [first = 0, second = 0] = content
  if (tag === TAG.BOOLEAN && (length !== 1 || (first !== 0 && first !== 0xff))) {
    throw notDer('a boolean that is neither 00 nor ff')
  }
  if (tag === TAG.NULL && length !== 0) throw notDer('a NULL with content')
  if (tag === TAG.INTEGER) {
    const padded = length > 1 && (second >= 0x80 ? first === 0xff : first === 0)
    if (length === 0 || padded) throw notDer('an integer that is empty or longer than needed')
  }
  if (tag === TAG.BIT_STRING) {
    const last = content.at(-1) ?? 0
    if (length === 0 || first > (length === 1 ? 0 : 7)) throw notDer('a bit string without its bits')
    if ((last & ((1 << first) - 1)) !== 0) throw notDer('a bit string with hidden bits')
  }
}

function notDer(why: string): FormatError {
  return new FormatError('ERR_BER', `not DER: ${why}`)
}
