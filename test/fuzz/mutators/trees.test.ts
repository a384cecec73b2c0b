import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { arbitraryCbor } from '../../shared/cbor-support.js'
import { chainOf } from '../documents/chain.js'
import { readTree as readBer, writeTree as writeBer } from './ber.js'
import { readTree as readCbor, writeTree as writeCbor } from './cbor.js'

it('CBOR is written as it was read', () => {
  const property = fc.property(arbitraryCbor(), (value) => {
    const bytes = encodeCbor(value)
    const tree = readCbor(bytes)
    expect(tree && Buffer.compare(writeCbor(tree), bytes)).toBe(0)
  })
  fc.assert(property, { numRuns: 200 })
})

it.each(['bf019fffff', '9f5f4101ff00ff', '1b0000000000000001'])('CBOR keeps its form: %s', (hex) => {
  const tree = readCbor(Buffer.from(hex, 'hex'))
  expect(tree && Buffer.from(writeCbor(tree)).toString('hex')).toBe(hex)
})

it.each(['3080020101240004000000', '30800201010000'])('BER keeps its form: %s', (hex) => {
  const tree = readBer(Buffer.from(hex, 'hex'))
  expect(tree && Buffer.from(writeBer(tree)).toString('hex')).toBe(hex)
})

it('certificates are written as they were read', () => {
  for (const certificate of chainOf(3)) {
    const tree = readBer(certificate)
    expect(tree && Buffer.compare(writeBer(tree), certificate)).toBe(0)
  }
})
