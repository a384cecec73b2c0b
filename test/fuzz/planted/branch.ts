import type { Target } from '../target.js'
import { deep } from './deep.js'

/** Two bytes that no mutation finds together: the first is a step, kept for its coverage alone. */
export const target: Target = {
  maxLength: 64,
  covers: ['test/fuzz/planted/'],
  seeds: () => [new Uint8Array(2)],
  refusals: [],
  run: deep,
}
