/** Messages over a stream: four bytes of length, big-endian, then the bytes. */

const HEADER = 4

export function frame(bytes: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(HEADER + bytes.length)
  framed.writeUInt32BE(bytes.length)
  framed.set(bytes, HEADER)
  return framed
}

/** Takes pieces of a stream, which it keeps no hold of, and tells each message as soon as it is whole. */
export function frames(onMessage: (bytes: Uint8Array) => void): (piece: Uint8Array) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (piece) => {
    rest = Buffer.concat([rest, piece])
    while (rest.length >= HEADER) {
      const end = HEADER + rest.readUInt32BE()
      if (rest.length < end) return
      onMessage(Uint8Array.prototype.slice.call(rest, HEADER, end))
      rest = rest.subarray(end)
    }
  }
}
