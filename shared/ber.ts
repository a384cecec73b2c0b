/**
 * BER and DER values (ITU-T X.690), read by node-forge's strict parser. The only file that imports node-forge.
 * Reads only the subset needed: low tag numbers, definite and indefinite lengths, nothing after the value.
 */
/// <reference path="./node-forge-asn1.d.ts" />
import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { FormatError } from './errors.js'

/** A CMS reply nests 8 deep, a certificate 9. */
const MAX_DEPTH = 16

const UNIVERSAL = 0x00
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

/** One BER value: `content` when primitive, `children` when constructed. */
export interface BerValue {
  readonly tagClass: number
  readonly tag: number
  readonly constructed: boolean
  readonly content: Uint8Array
  readonly children: readonly BerValue[]
}

const NOTHING = new Uint8Array(0)
/** BMPString, which node-forge reads as characters, past its end when its length is odd. */
const BMP_STRING = 30
/** A tag number of several bytes (X.690, section 8.1.2.4), which node-forge takes for tag 31. */
const HIGH_TAG = 31

/** Reads exactly one value from `bytes`. Throws FormatError ERR_BER. */
export function readBer(bytes: Uint8Array): BerValue {
  let value: Asn1
  try {
    value = asn1.fromDer(Buffer.from(bytes).toString('latin1'), {
      strict: true,
      parseAllBytes: true,
      decodeBitStrings: false,
      maxDepth: MAX_DEPTH,
    })
  } catch {
    throw new FormatError('ERR_BER', 'not one well-formed BER value')
  }
  return fromForge(value)
}

/**
 * Reads exactly one value in DER: definite and minimal lengths, nothing constructed but sequences and sets
 * (X.690, section 10). Throws FormatError ERR_BER.
 */
export function readDer(bytes: Uint8Array): BerValue {
  const value = readBer(bytes)
  if (Buffer.compare(writeDer(value), bytes) !== 0 || !isDer(value))
    throw new FormatError('ERR_BER', 'not DER')
  return value
}

/** Writes a value as DER: definite, minimal lengths. */
export function writeDer(value: BerValue): Uint8Array {
  return Buffer.from(asn1.toDer(toForge(value)).getBytes(), 'latin1')
}

/** A constructed value. */
export function constructed(tag: number, children: readonly BerValue[], tagClass = UNIVERSAL): BerValue {
  return { tagClass, tag, constructed: true, content: NOTHING, children }
}

/** A primitive value. */
export function primitive(tag: number, content: Uint8Array, tagClass = UNIVERSAL): BerValue {
  return { tagClass, tag, constructed: false, content, children: [] }
}

/** The dotted form of an OBJECT IDENTIFIER. Throws FormatError ERR_BER when the value is not one. */
export function objectIdentifier(value: BerValue | undefined): string {
  if (!is(value, TAG.OBJECT_IDENTIFIER) || value.content.length === 0 || value.content.length > 32) {
    throw notIdentifier()
  }
  const arcs: bigint[] = []
  let arc: bigint | undefined
  for (const byte of value.content) {
    // A leading 0x80 would give one identifier two forms (section 8.19.2).
    if (byte === 0x80 && arc === undefined) throw notIdentifier()
    arc = ((arc ?? 0n) << 7n) | BigInt(byte & 0x7f)
    if (byte >= 0x80) continue
    arcs.push(arc)
    arc = undefined
  }
  const [first = 0n, ...rest] = arcs
  if (arc !== undefined) throw notIdentifier()
  const root = first < 80n ? first / 40n : 2n
  return [root, first - root * 40n, ...rest].join('.')
}

function notIdentifier(): FormatError {
  return new FormatError('ERR_BER', 'not an OBJECT IDENTIFIER')
}

/** True when `value` is there and has this universal (or other class's) tag. */
export function is(value: BerValue | undefined, tag: number, tagClass = UNIVERSAL): value is BerValue {
  return value !== undefined && value.tag === tag && value.tagClass === tagClass
}

function isDer(value: BerValue): boolean {
  const structured = value.tag === TAG.SEQUENCE || value.tag === TAG.SET
  const fits = value.tagClass !== UNIVERSAL || (value.tag !== 0 && value.constructed === structured)
  return fits && value.children.every(isDer)
}

function fromForge(value: Asn1): BerValue {
  if (value.type === HIGH_TAG || (value.type === BMP_STRING && !Array.isArray(value.value))) {
    throw new FormatError('ERR_BER', `tag ${value.type} is not read here`)
  }
  return Array.isArray(value.value)
    ? constructed(value.type, value.value.map(fromForge), value.tagClass)
    : primitive(value.type, Buffer.from(value.value, 'latin1'), value.tagClass)
}

function toForge(value: BerValue): Asn1 {
  return asn1.create(
    value.tagClass,
    value.tag,
    value.constructed,
    value.constructed ? value.children.map(toForge) : Buffer.from(value.content).toString('latin1'),
  )
}
