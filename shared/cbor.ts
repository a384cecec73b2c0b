/**
 * CBOR (RFC 8949), read strictly: first a walk over every byte, then cbor-x, which cannot be made strict by its own
 * options. The only file that imports cbor-x.
 */
import { Decoder } from 'cbor-x/decode'
import { Encoder } from 'cbor-x/encode'
import { checkWellFormed } from './cbor-well-formed.js'
import { FormatError, UsageError } from './errors.js'

export type CborKey = number | bigint | string
export type CborValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>

export interface CborLimits {
  /** Bytes of the whole input; 16,384 unless given. */
  readonly maxBytes?: number
  /** Items, keys included, at every depth; 4,096 unless given. */
  readonly maxItems?: number
}

const MAX_BYTES = 16 * 1024

const options = {
  mapsAsObjects: false,
  useRecords: false,
  useTag259ForMaps: false,
  tagUint8Array: false,
  copyBuffers: true,
}
const decoder = new Decoder(options)
const encoder = new Encoder(options)

/**
 * Decodes exactly one CBOR item. Maps become Map, byte strings fresh Uint8Arrays, integers beyond 2^53 - 1 BigInt.
 * Throws FormatError ERR_CBOR_*.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = {}): CborValue {
  const maxBytes = limits.maxBytes ?? MAX_BYTES
  if (bytes.length > maxBytes) {
    throw new FormatError('ERR_CBOR_TOO_LARGE', `${bytes.length} bytes of CBOR, at most ${maxBytes} are read`)
  }
  // A copy: cbor-x hangs a property on its input, and would read one that hangs there already; and what threads share
  // could change between the walk and the reading.
  const own = new Uint8Array(bytes)
  checkWellFormed(own, limits.maxItems)
  return normalize(decoder.decode(own))
}

/**
 * Encodes with definite lengths and minimal integers (RFC 8949, section 4.2.1), from -2^63 to 2^64 - 1. Map order is
 * kept. Throws UsageError ERR_USAGE for a number that is none of these.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  return new Uint8Array(encoder.encode(prepare(value)))
}

/** cbor-x writes a number over 2^32 as a float, and every BigInt in eight bytes: hand it what it writes minimally. */
function prepare(value: CborValue): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return integer(value)
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [prepare(key), prepare(item)]))
  return (value as readonly CborValue[]).map(prepare)
}

function integer(value: number | bigint): number | bigint {
  if (typeof value === 'number' && !Number.isInteger(value)) {
    throw new UsageError('ERR_USAGE', 'a number that is no integer has no CBOR here')
  }
  if (value < -(2n ** 63n) || value >= 2n ** 64n) {
    throw new UsageError('ERR_USAGE', 'an integer of more than 64 bits has no CBOR here')
  }
  return value >= -(2n ** 32n) && value < 2n ** 32n ? Number(value) : BigInt(value)
}

/** cbor-x gives a BigInt for every integer of eight bytes. */
function normalize(value: unknown): CborValue {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  if (Array.isArray(value)) return value.map(normalize)
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [normalize(key) as CborKey, normalize(item)]))
  }
  return value as CborValue
}
