import { expect, it } from 'vitest'
import { readBer, writeDer } from '../../../shared/ber.js'

it.each(['8203000000', '0203000000', '30050203000001'])(
  'is written with the zeros it was read with: %s',
  (hex) => {
    expect(Buffer.from(writeDer(readBer(Buffer.from(hex, 'hex')))).toString('hex')).toBe(hex)
  },
)
