import { FormatError } from '../../../shared/errors.js'
import type { Target } from '../target.js'

/** Refuses as it may, refuses as it may not, and fails, by its first byte. */
export const target: Target = {
  maxLength: 64,
  covers: ['test/fuzz/planted/'],
  seeds: () => [Uint8Array.of(1, 2, 3)],
  refusals: [{ class: FormatError, code: /^ERR_CBOR_/ }],
  run: ([first = 0]) => {
    if (first < 200) throw new FormatError('ERR_CBOR_BREAK', 'as agreed')
    if (first < 220) throw new FormatError('ERR_BER', 'of another format')
    if (first < 240) throw new TypeError('not typed')
  },
}
