import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { describeSource } from '../../image/describe.js'
import { FormatError } from '../../shared/errors.js'
import { code } from '../support/errors.js'
import { type Differences, eifBytes, LEAST, part } from './eif-bytes.js'
import { coseSign1, makePair, pcrInfo, signatureSection } from './signing.js'

const { certificate, privateKey } = await makePair('P-256', { issuer: 'CN=x' })
const SIGNED = signatureSection(certificate, coseSign1(pcrInfo('00'.repeat(48)), privateKey))
const METADATA = '{"ImageName":"n","BuildMetadata":{},"CustomMetadata":{"a":[1,"x"]}}'
const FULL = [...LEAST, part('ramdisk', 'another'), part('metadata', METADATA), part('signature', SIGNED)]

const read = (bytes: Uint8Array) => describeSource(memorySource(bytes))

/** Whatever the bytes: a description, or a FormatError of an EIF; nothing else. */
async function readsOrRefuses(bytes: Uint8Array): Promise<void> {
  try {
    const image = await read(bytes)
    expect(image.Measurements.PCR0).toMatch(/^[0-9a-f]{96}$/)
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError)
    expect((error as FormatError).code).toMatch(/^ERR_EIF_/)
  }
}

describe('hostile bytes', () => {
  it('of any kind are described or refused', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), readsOrRefuses), { numRuns: 2000 })
  })

  it('cut short anywhere are refused as such', async () => {
    const image = eifBytes(FULL)
    for (let length = 0; length < image.length; length++) {
      expect([length, await code(() => read(image.subarray(0, length)))]).toEqual([
        length,
        'ERR_EIF_TRUNCATED',
      ])
    }
  })

  const u64 = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: 0n, max: 700n }),
    fc.bigInt({ min: -30n, max: 30n }).map((value) => BigInt.asUintN(64, value)),
    fc.bigInt({ min: -3n, max: 3n }).map((value) => 2n ** 53n + value),
  )
  const slots = fc.dictionary(fc.integer({ min: 0, max: 6 }).map(String), u64, { maxKeys: 3 })
  const content = fc.oneof(
    fc.constantFrom<Uint8Array>(SIGNED, Buffer.from(METADATA)),
    fc.uint8Array({ maxLength: 40 }),
  )
  const parts = fc.array(
    fc.record(
      {
        type: fc.integer({ min: 0, max: 6 }),
        content,
        claimed: fc.oneof({ weight: 9, arbitrary: fc.constant(0n) }, u64),
      },
      { requiredKeys: ['type', 'content'] },
    ),
    { maxLength: 5 },
  )
  const differences = fc.record<Required<Differences>>(
    {
      version: fc.integer({ min: 0, max: 6 }),
      flags: fc.integer({ min: 0, max: 3 }),
      count: fc.integer({ min: 0, max: 40 }),
      crc: fc.nat(),
      offsets: slots,
      sizes: slots,
      after: fc.uint8Array({ maxLength: 3 }),
    },
    { requiredKeys: [] },
  )

  it('with any sections in any form are described or refused', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(parts, differences, (some, wrong) =>
        readsOrRefuses(eifBytes([...LEAST, ...some], wrong as Differences)),
      ),
      { numRuns: 10_000 },
    )
  })

  it('with up to three changed bytes are described or refused', { timeout: 60_000 }, async () => {
    const image = eifBytes(FULL)
    const change = fc.tuple(fc.nat(image.length - 1), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Buffer.from(image)
        for (const [position, value] of changes) bytes[position] = value
        return readsOrRefuses(bytes)
      }),
      { numRuns: 10_000 },
    )
  })

  it('whose file is shorter than it says, or gets shorter, are refused', async () => {
    const image = eifBytes(FULL)
    for (const length of [0, 3, 100, 548, 600, image.length - 1]) {
      const source = { ...memorySource(image.subarray(0, length)), size: image.length }
      expect([length, await code(() => describeSource(source))]).toEqual([length, 'ERR_EIF_TRUNCATED'])
    }
  })

  it('that come a few at a time are read as ever', async () => {
    const image = eifBytes(FULL)
    const whole = memorySource(image)
    const source = {
      size: image.length,
      read: (buffer: Uint8Array, position: number) => whole.read(buffer.subarray(0, 3), position),
    }
    expect(await describeSource(source)).toEqual(await read(image))
  })
})
