/** CBOR (RFC 8949), written; apart from reading, for a verifier that only reads. */
import { Encoder } from 'cbor-x/encode'
import type { CborValue } from './cbor.js'
import { UsageError } from './errors.js'

const encoder = new Encoder({
  mapsAsObjects: false,
  useRecords: false,
  tagUint8Array: false,
})

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
