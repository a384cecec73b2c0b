import type { Target } from '../target.js'

/** Held, as a parser's result is. */
let held: unknown

/** By its first byte: a large buffer, or a heap that fills. */
export const target: Target = {
  maxLength: 64,
  covers: ['test/fuzz/planted/'],
  seeds: () => [new Uint8Array(4)],
  refusals: [],
  run: ([first = 0]) => {
    held = first === 0xff ? new Uint8Array(80 * 2 ** 20) : undefined
    if (first === 0x80) held = heap()
  },
}

function heap(): unknown {
  const arrays: unknown[] = []
  for (;;) arrays.push(new Array(1_000_000).fill(1.5))
}

export const kept = (): unknown => held
