/** ASN.1 values (ITU-T X.680), however they were encoded. */
import { FormatError } from './errors.js'

export const UNIVERSAL = 0x00
export const CONTEXT = 0x80

/** Universal tag numbers (X.680, section 8.4). */
export const TAG = {
  BOOLEAN: 1,
  INTEGER: 2,
  BIT_STRING: 3,
  OCTET_STRING: 4,
  NULL: 5,
  OBJECT_IDENTIFIER: 6,
  SEQUENCE: 16,
  SET: 17,
  UTC_TIME: 23,
  GENERALIZED_TIME: 24,
} as const

/** One value: `content` when primitive, `children` when constructed. */
export interface Asn1Value {
  readonly tagClass: number
  readonly tag: number
  readonly constructed: boolean
  readonly content: Uint8Array
  readonly children: readonly Asn1Value[]
}

const NOTHING = new Uint8Array(0)
/** Bytes of an OBJECT IDENTIFIER at most; ones in use have up to 20. */
const MAX_IDENTIFIER_LENGTH = 32

/** A constructed value. */
export function constructed(tag: number, children: readonly Asn1Value[], tagClass = UNIVERSAL): Asn1Value {
  return { tagClass, tag, constructed: true, content: NOTHING, children }
}

/** A primitive value. */
export function primitive(tag: number, content: Uint8Array, tagClass = UNIVERSAL): Asn1Value {
  return { tagClass, tag, constructed: false, content, children: [] }
}

/** True when `value` is there and has this universal (or other class's) tag. */
export function is<Value extends Asn1Value>(
  value: Value | undefined,
  tag: number,
  tagClass = UNIVERSAL,
): value is Value {
  return value !== undefined && value.tag === tag && value.tagClass === tagClass
}

/** The dotted form of an OBJECT IDENTIFIER (X.690, section 8.19). Throws FormatError ERR_BER when the value is not one. */
export function objectIdentifier(value: Asn1Value | undefined): string {
  if (!is(value, TAG.OBJECT_IDENTIFIER)) throw notIdentifier()
  const { content } = value
  if (content.length === 0 || content.length > MAX_IDENTIFIER_LENGTH) throw notIdentifier()
  let text = ''
  for (let start = 0, at = 0; at < content.length; at++) {
    const byte = content[at] ?? 0
    // A leading 0x80 would give one identifier two forms (section 8.19.2).
    if (byte === 0x80 && at === start) throw notIdentifier()
    if (byte >= 0x80) continue
    const arc = arcOf(content, start, at + 1)
    text += start === 0 ? firstArcs(arc) : `.${arc}`
    start = at + 1
  }
  if ((content[content.length - 1] ?? 0) >= 0x80) throw notIdentifier()
  return text
}

/** Seven bits a byte; a number as long as it is exact. */
function arcOf(bytes: Uint8Array, start: number, end: number): number | bigint {
  let arc = 0
  for (let i = start; i < end; i++) arc = arc * 128 + ((bytes[i] ?? 0) & 0x7f)
  if (end - start <= 7) return arc
  return bytes.subarray(start, end).reduce((whole, byte) => (whole << 7n) | BigInt(byte & 0x7f), 0n)
}

/** The first number holds two arcs: 40 * first + second, with a first of 2 at most (section 8.19.4). */
function firstArcs(number: number | bigint): string {
  if (typeof number === 'bigint') return `2.${number - 80n}`
  const first = Math.min(2, Math.floor(number / 40))
  return `${first}.${number - 40 * first}`
}

function notIdentifier(): FormatError {
  return new FormatError('ERR_BER', 'not an OBJECT IDENTIFIER')
}
