/** A shorter and simpler input that still fails. */

/** Tries at most: a finding is rare, a run has an end. */
const MAX_TRIES = 3_000

/** Cuts pieces out, from halves to single bytes, then sets what is left to zero, as long as `fails` says yes. */
export async function minimize(
  input: Uint8Array,
  fails: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let tries = 0
  let best = input
  const attempt = async (candidate: Uint8Array): Promise<boolean> => {
    if (tries >= MAX_TRIES) return false
    tries += 1
    if (!(await fails(candidate))) return false
    best = candidate
    return true
  }
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length; ) {
      if (!(await attempt(without(best, at, size)))) at += size
    }
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] !== 0) await attempt(best.with(at, 0))
  }
  return best
}

function without(bytes: Uint8Array, at: number, size: number): Uint8Array {
  const rest = new Uint8Array(Math.max(bytes.length - size, at))
  rest.set(bytes.subarray(0, at))
  rest.set(bytes.subarray(at + size), at)
  return rest
}
