/** What a client and an upstream server say to each other: a line that tells the server its part, then bytes. */

/**
 * request: the answer follows the whole question. duplex: both at once. upstream-first: the server ends first.
 * client-reset, upstream-reset: one breaks off half way. client-stall, upstream-stall: one stops reading for a while.
 * silent: nothing is said after the first line, until the proxy cuts it.
 */
export const MANNERS = [
  'request',
  'duplex',
  'upstream-first',
  'client-reset',
  'upstream-reset',
  'client-stall',
  'upstream-stall',
  'silent',
] as const

export type Manner = (typeof MANNERS)[number]

export interface Conversation {
  readonly id: number
  readonly manner: Manner
  /** Bytes after the first line, and bytes of the answer. */
  readonly up: number
  readonly down: number
}

/** The line's length is fixed, so that a reader knows when it has it. */
export const HEAD_BYTES = 128

export const headOf = (conversation: Conversation): Buffer =>
  Buffer.from(`${JSON.stringify(conversation).padEnd(HEAD_BYTES - 1)}\n`)

/** A prime: a stream that is shifted, or another's, shows at once. */
const PERIOD = 65_521

const pattern = Buffer.from(Array.from({ length: 2 * PERIOD }, (_, index) => ((index % PERIOD) * 31) % 251))

/** So many bytes of the stream of a conversation, from the byte `from` on. */
export const bytesOf = (id: number, from: number, length: number): Buffer => {
  const chunk = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const at = (id * 7_919 + from + done) % PERIOD
    done += pattern.copy(chunk, done, at, Math.min(at + length - done, 2 * PERIOD))
  }
  return chunk
}
