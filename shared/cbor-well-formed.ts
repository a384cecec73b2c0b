/**
 * The walk over CBOR before it is decoded: well-formed (RFC 8949, section 5.3.1), and nothing beyond the subset that
 * is read here: integers, byte and text strings of definite length, arrays and maps of definite or indefinite length,
 * false, true, null. No tags, floats, undefined or other simple values.
 */
import { toText } from './bytes.js'
import { FormatError } from './errors.js'

/** Arrays and maps inside one another. A document's deepest is 2. */
const MAX_DEPTH = 8
/** Items in all, unless told otherwise; a document has about 60. */
const MAX_ITEMS = 4096

const BYTE_ORDER_MARK = '\ufeff'
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Throws FormatError ERR_CBOR_* unless `bytes` are exactly one item of the subset, with `maxItems` in all at most. */
export function checkWellFormed(bytes: Uint8Array, maxItems = MAX_ITEMS): void {
  const walk = new Walk(bytes, maxItems)
  walk.item(0)
  const rest = bytes.length - walk.offset
  if (rest !== 0) throw new FormatError('ERR_CBOR_TRAILING_BYTES', `${rest} bytes after the CBOR item`)
}

/** Major types (RFC 8949, section 3.1). */
const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5
const TAG = 6
const SIMPLE = 7

class Walk {
  offset = 0
  #items = 0
  readonly #bytes: Uint8Array
  readonly #maxItems: number

  constructor(bytes: Uint8Array, maxItems: number) {
    this.#bytes = bytes
    this.#maxItems = maxItems
  }

  /** Walks one item and returns its first byte. */
  item(depth: number): number {
    if (++this.#items > this.#maxItems) {
      throw new FormatError('ERR_CBOR_TOO_LARGE', `more than ${this.#maxItems} CBOR items`)
    }
    const start = this.offset
    const initial = this.#byte()
    const major = initial >> 5
    const info = initial & 0x1f
    if (major === SIMPLE) return this.#simple(initial, info, start)
    if (major === TAG) throw new FormatError('ERR_CBOR_TAG', `a CBOR tag at byte ${start}: none is read here`)
    if (info === 31) {
      this.#indefinite(major, depth, start)
      return initial
    }
    const argument = this.#argument(info, start)
    if (major === BYTES || major === TEXT) this.#string(major, argument)
    else if (major === ARRAY || major === MAP) this.#definite(major, argument, depth, start)
    return initial
  }

  #byte(): number {
    const byte = this.#bytes[this.offset]
    if (byte === undefined) throw truncated()
    this.offset += 1
    return byte
  }

  /** False, true, null; everything else of major type 7 is named and refused (section 3.3). */
  #simple(initial: number, info: number, start: number): number {
    if (info >= 20 && info <= 22) return initial
    if (info >= 25 && info <= 27) {
      if (this.offset + (1 << (info - 24)) > this.#bytes.length) throw truncated()
      throw new FormatError('ERR_CBOR_FLOAT', `a floating-point number at byte ${start}`)
    }
    if (info >= 28 && info <= 30) throw reserved(start)
    if (info === 31)
      throw new FormatError('ERR_CBOR_BREAK', `a break outside an indefinite item at byte ${start}`)
    if (info === 24 && this.#byte() < 32) throw reserved(start)
    throw new FormatError('ERR_CBOR_SIMPLE_VALUE', `undefined or another simple value at byte ${start}`)
  }

  /** The argument of an initial byte, in its shortest form only (sections 3 and 4.2.1); beyond 2^53 rounded. */
  #argument(info: number, start: number): number {
    if (info < 24) return info
    if (info > 27) throw reserved(start)
    const width = 1 << (info - 24)
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.#byte()
    const least = width === 1 ? 24 : 2 ** (width * 4)
    if (value < least)
      throw new FormatError(
        'ERR_CBOR_NON_MINIMAL',
        `an integer or length at byte ${start} is longer than needed`,
      )
    return value
  }

  #string(major: number, length: number): void {
    if (length > this.#bytes.length - this.offset) throw truncated()
    const end = this.offset + length
    if (major === TEXT) {
      this.#text(this.#bytes.subarray(this.offset, end))
    }
    this.offset = end
  }

  #text(bytes: Uint8Array): void {
    try {
      // cbor-x drops a leading byte order mark from long texts, so that two different keys would become one.
      if (!utf8.decode(bytes).startsWith(BYTE_ORDER_MARK)) return
    } catch {
      // Refused below.
    }
    throw new FormatError(
      'ERR_CBOR_UTF8',
      `a text string that is not UTF-8, or starts with a byte order mark, at byte ${this.offset}`,
    )
  }

  #definite(major: number, count: number, depth: number, start: number): void {
    this.#enter(depth, start)
    // Every item takes a byte at least: a count that cannot be there is refused before anything is counted.
    const least = major === MAP ? count * 2 : count
    if (least > this.#bytes.length - this.offset) throw truncated()
    const keys = new Set<string>()
    for (let i = 0; i < count; i++) this.#entry(major, depth, keys)
  }

  #indefinite(major: number, depth: number, start: number): void {
    if (major === BYTES || major === TEXT) this.#chunks(major, start)
    if (major !== ARRAY && major !== MAP) throw reserved(start)
    this.#enter(depth, start)
    const keys = new Set<string>()
    while (this.#bytes[this.offset] !== 0xff) this.#entry(major, depth, keys)
    this.offset += 1
  }

  /** Tells a malformed string of indefinite length from a well-formed one, which is refused too: nobody emits it. */
  #chunks(major: number, start: number): never {
    while (this.#bytes[this.offset] !== 0xff) {
      const initial = this.#byte()
      if (initial >> 5 !== major || (initial & 0x1f) === 31) throw reserved(start)
      this.#string(major, this.#argument(initial & 0x1f, this.offset - 1))
    }
    throw new FormatError('ERR_CBOR_INDEFINITE_STRING', `a string of indefinite length at byte ${start}`)
  }

  #entry(major: number, depth: number, keys: Set<string>): void {
    if (major === MAP) this.#key(keys)
    this.item(depth + 1)
  }

  #key(keys: Set<string>): void {
    const start = this.offset
    const major = (this.#bytes[start] ?? 0) >> 5
    if (major !== UNSIGNED && major !== NEGATIVE && major !== TEXT && major !== SIMPLE) throw keyType(start)
    this.item(MAX_DEPTH)
    if (major === SIMPLE) throw keyType(start)
    // Minimal encodings are unique, so equal bytes are equal keys.
    const key = toText(this.#bytes.subarray(start, this.offset))
    if (keys.has(key))
      throw new FormatError('ERR_CBOR_DUPLICATE_KEY', `a map key at byte ${start} stands twice`)
    keys.add(key)
  }

  #enter(depth: number, start: number): void {
    if (depth >= MAX_DEPTH) {
      throw new FormatError('ERR_CBOR_DEPTH', `CBOR nested deeper than ${MAX_DEPTH} at byte ${start}`)
    }
  }
}

function truncated(): FormatError {
  return new FormatError('ERR_CBOR_TRUNCATED', 'the CBOR ends in the middle of an item')
}

function keyType(start: number): FormatError {
  return new FormatError('ERR_CBOR_KEY_TYPE', `a map key at byte ${start} is neither an integer nor text`)
}

function reserved(start: number): FormatError {
  return new FormatError('ERR_CBOR_RESERVED', `a reserved or ill-formed CBOR head at byte ${start}`)
}
