import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { combineCrc32 } from '../../image/crc32.js'

it('is the checksum of both pieces in a row', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 3000 }), (one, other) => {
      const whole = crc32(Buffer.concat([one, other]))
      expect(combineCrc32(crc32(one), crc32(other), other.length)).toBe(whole)
    }),
  )
})

it('takes lengths beyond 2^32, as a long row of pieces shows', () => {
  const zeros = { crc: crc32(Buffer.alloc(1)), length: 1 }
  for (let doubled = 0; doubled < 33; doubled++) {
    zeros.crc = combineCrc32(zeros.crc, zeros.crc, zeros.length)
    zeros.length *= 2
  }
  const [first, second] = [crc32('first'), crc32('second')]
  const inTwoSteps = combineCrc32(combineCrc32(first, zeros.crc, zeros.length), second, 6)
  const inOne = combineCrc32(first, combineCrc32(zeros.crc, second, 6), zeros.length + 6)
  expect(inTwoSteps).toBe(inOne)
})
