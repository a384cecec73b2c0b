/** CBOR (RFC 8949) in forms that no encoder here writes. */

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** The head of an item (section 3), its argument in `width` bytes where that is given: 0, 1, 2, 4 or 8. */
export function head(
  major: number,
  argument: number,
  width = argument < 24 ? 0 : argument < 256 ? 1 : 2,
): Uint8Array {
  if (width === 0) return bytes((major << 5) | argument)
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(argument))
  return joined(bytes((major << 5) | (24 + Math.log2(width))), value.subarray(8 - width))
}

export function byteString(content: Uint8Array, width?: number): Uint8Array {
  return joined(head(2, content.length, width), content)
}

/** A byte string of indefinite length in `count` chunks. */
export function chunked(content: Uint8Array, count: number): Uint8Array {
  const size = Math.ceil(content.length / count)
  const chunks = Array.from({ length: count }, (_, i) =>
    byteString(content.subarray(i * size, (i + 1) * size)),
  )
  return joined(bytes(0x5f), ...chunks, bytes(0xff))
}

/** What a serializer writes that does not know byte strings. */
export function numbers(content: Uint8Array): Uint8Array {
  return joined(head(4, content.length), ...[...content].map((byte) => head(0, byte)))
}
