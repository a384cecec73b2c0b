import { describe, expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { describeSource, type EifDescription } from '../../image/describe.js'
import { FormatError } from '../../shared/errors.js'
import { eifBytes, part, register } from './eif-bytes.js'
import { coseSign1, makePair, pcrInfo, signatureSection } from './signing.js'

const { certificate, privateKey } = await makePair('P-256', { issuer: 'CN=x' })
const PCR0 = register('K', 'c', '1', '2')
const PARTS = [
  part('kernel', 'K'),
  part('commandLine', 'c'),
  part('metadata', '{"ImageName":"n"}'),
  part('ramdisk', '1'),
  part('ramdisk', '2'),
  part('signature', signatureSection(certificate, coseSign1(pcrInfo(PCR0), privateKey))),
]
const IMAGE = eifBytes(PARTS)
const GOOD = await describeSource(memorySource(IMAGE))

/** The registers that a change inside a section's content must change, and no others of the first three. */
const CHANGED = [['PCR0', 'PCR1'], ['PCR0', 'PCR1'], [], ['PCR0', 'PCR1'], ['PCR0', 'PCR2'], []] as const

async function outcome(bytes: Uint8Array): Promise<EifDescription | FormatError> {
  try {
    return await describeSource(memorySource(bytes))
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
}

const changed = ({ Measurements }: EifDescription): readonly string[] =>
  (['PCR0', 'PCR1', 'PCR2'] as const).filter((name) => Measurements[name] !== GOOD.Measurements[name])

/** Every bit from `start` to `end`, turned around: what is made of each image. */
async function* flips(start: number, end: number) {
  for (let bit = start * 8; bit < end * 8; bit++) {
    const bytes = Buffer.from(IMAGE)
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    yield [bit, await outcome(bytes)] as const
  }
}

describe('a flipped bit', () => {
  it('is measured against an image that is sound', () => {
    expect(GOOD).toMatchObject({ CheckCRC: true, SignatureCheck: true, Warnings: [] })
  })

  it('anywhere in the headers is refused, or leaves a wrong checksum and the registers', async () => {
    const starts: [number, number][] = [[0, 548]]
    for (let [index, position] = [0, 548]; index < PARTS.length; index++) {
      starts.push([position, position + 12])
      position += 12 + (PARTS[index]?.content.length ?? 0)
    }
    for (const [start, end] of starts) {
      for await (const [bit, result] of flips(start, end)) {
        if (result instanceof FormatError) continue
        expect([bit, result.CheckCRC, changed(result)]).toEqual([bit, false, []])
      }
    }
  })

  let position = 548
  it.each(
    PARTS.map(({ content }, index) => {
      const start = position + 12
      position = start + content.length
      return [index, start, position] as const
    }),
  )(
    'anywhere in section %i leaves a wrong checksum, and changes its registers',
    async (index, start, end) => {
      for await (const [bit, result] of flips(start, end)) {
        if (result instanceof FormatError) throw result
        expect([bit, result.CheckCRC, changed(result)]).toEqual([bit, false, CHANGED[index]])
        // Whatever is measured is signed, too.
        if (CHANGED[index]?.length) expect([bit, result.SignatureCheck]).toEqual([bit, false])
      }
    },
  )
})
