/** A stream as a socket delivers it: what a first byte counts are the places where it is cut. */
export function chunksOf(input: Uint8Array): {
  readonly stream: Uint8Array
  readonly chunks: readonly Uint8Array[]
} {
  const [first = 0] = input
  const cuts = [...input.subarray(1, 1 + (first % 8))]
  const stream = input.subarray(1 + cuts.length)
  const chunks: Uint8Array[] = []
  let at = 0
  for (const length of cuts) {
    if (length === 0 || at + length >= stream.length) continue
    chunks.push(stream.subarray(at, at + length))
    at += length
  }
  if (at < stream.length) chunks.push(stream.subarray(at))
  return { stream, chunks }
}
