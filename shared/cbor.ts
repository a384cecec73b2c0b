/**
 * CBOR (RFC 8949), read strictly: first a walk over every byte, then cbor-x, which cannot be made strict by its own
 * options.
 */
import { Decoder } from 'cbor-x/decode'
import { checkWellFormed } from './cbor-well-formed.js'
import { FormatError } from './errors.js'

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

const decoder = new Decoder({ mapsAsObjects: false, useRecords: false, copyBuffers: true })

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
