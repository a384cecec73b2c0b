import { describe, expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { describeSource } from '../../image/describe.js'
import { code, refusal } from '../support/errors.js'
import { type Differences, eifBytes, LEAST, type Part, part } from './eif-bytes.js'

const METADATA = part('metadata', '{"ImageName":"n"}')
const SIGNATURE = part('signature', Buffer.of(0x80))
const read = (bytes: Uint8Array) => describeSource(memorySource(bytes))
const refusedWith = (parts: readonly Part[], differences?: Differences) =>
  code(() => read(eifBytes(parts, differences)))

describe('the header', () => {
  it.each([
    ['another magic', (bytes: Buffer) => bytes.fill('.elf', 0, 4)],
    ['zeros', (bytes: Buffer) => bytes.fill(0)],
    ['a short text', () => Buffer.from('no')],
  ])('refuses %s as no EIF at all', async (_, change) => {
    expect(await code(() => read(change(eifBytes(LEAST))))).toBe('ERR_EIF_MAGIC')
  })

  it.each([0, 1, 5, 65_535])('refuses version %i by name', async (version) => {
    const error = await refusal(() => read(eifBytes(LEAST, { version })))
    expect([error.code, error.message]).toEqual([
      'ERR_EIF_VERSION',
      `EIF version ${version}; versions 2 to 4 are read`,
    ])
  })

  it.each([2, 3, 4])('reads version %i', async (version) => {
    expect(await read(eifBytes(LEAST, { version }))).toMatchObject({ EifVersion: version, CheckCRC: true })
  })

  it('reads the architecture, and refuses any other flag', async () => {
    expect((await read(eifBytes(LEAST))).Architecture).toBe('x86_64')
    expect((await read(eifBytes(LEAST, { flags: 1 }))).Architecture).toBe('aarch64')
    expect((await refusal(() => read(eifBytes(LEAST, { flags: 0x41 })))).message).toContain('0x40')
    expect(await refusedWith(LEAST, { flags: 0x8000 })).toBe('ERR_EIF_HEADER')
  })

  it.each([0, 1, 33, 65_535])('refuses %i sections', async (count) => {
    expect(await refusedWith(LEAST, { count })).toBe('ERR_EIF_HEADER')
  })

  it('gives the defaults for memory and CPUs', async () => {
    expect(await read(eifBytes(LEAST))).toMatchObject({ DefaultMemory: 2 ** 30, DefaultCpus: 2 })
  })

  it('does not look at slots that no section uses', async () => {
    const bytes = eifBytes(LEAST, { offsets: { 3: 7n, 31: 2n ** 64n - 1n }, sizes: { 31: 9n } })
    expect((await read(bytes)).CheckCRC).toBe(true)
  })
})

describe('where sections stand', () => {
  it.each<[string, Differences, string]>([
    ['a first section that begins in the header', { offsets: { 0: 547n } }, 'ERR_EIF_HEADER'],
    ['a gap after the header', { offsets: { 0: 549n } }, 'ERR_EIF_HEADER'],
    ['a gap between two', { offsets: { 1: 571n } }, 'ERR_EIF_HEADER'],
    ['two that overlap', { offsets: { 1: 569n } }, 'ERR_EIF_HEADER'],
    ['one twice', { offsets: { 2: 570n } }, 'ERR_EIF_HEADER'],
    ['an offset beyond 2^53', { offsets: { 1: 2n ** 53n + 570n } }, 'ERR_EIF_HEADER'],
    ['an offset that wraps around 2^64', { offsets: { 1: 2n ** 64n - 1n } }, 'ERR_EIF_HEADER'],
    ['another size in the table', { sizes: { 0: 11n } }, 'ERR_EIF_SECTION'],
    ['a size in the table that wraps around 2^64', { sizes: { 2: 2n ** 64n - 12n } }, 'ERR_EIF_SECTION'],
    ['a size whose low half is right', { sizes: { 0: 2n ** 32n + 10n } }, 'ERR_EIF_SECTION'],
    ['more sections than there are', { count: 4 }, 'ERR_EIF_HEADER'],
    ['fewer sections than there are', { count: 2 }, 'ERR_EIF_TRAILING_BYTES'],
    ['a byte after the last', { after: Buffer.alloc(1) }, 'ERR_EIF_TRAILING_BYTES'],
  ])('refuses %s', async (_, differences, expected) => {
    expect(await refusedWith(LEAST, differences)).toBe(expected)
  })

  it.each([9n, 11n, 2n ** 63n + 10n])('refuses a section whose own header says %i bytes', async (claimed) => {
    const [kernel, ...rest] = LEAST as [Part, ...Part[]]
    expect(await refusedWith([{ ...kernel, claimed }, ...rest])).toBe('ERR_EIF_SECTION')
  })

  it.each([99n, 2n ** 53n, 2n ** 64n - 1n])(
    'refuses a last section of %i bytes, by both headers, that ends beyond the file',
    async (size) => {
      const parts = [...LEAST.slice(0, 2), { type: 3, content: Buffer.from('short'), claimed: size }]
      expect(await refusedWith(parts, { sizes: { 2: size } })).toBe('ERR_EIF_TRUNCATED')
    },
  )

  it('says where and what', async () => {
    const { message } = await refusal(() => read(eifBytes(LEAST, { offsets: { 1: 571n } })))
    expect(message).toBe('section 2 begins at byte 571 by the header, and at 570 by what stands before it')
  })

  it('reads 32 sections', async () => {
    const ramdisks = Array.from({ length: 29 }, () => part('ramdisk', 'more'))
    expect((await read(eifBytes([...LEAST, ...ramdisks]))).Sections).toHaveLength(32)
  })

  it('reads a signature whose size in the table is an old one, and says so', async () => {
    const bytes = eifBytes([...LEAST, SIGNATURE], { sizes: { 3: 4711n } })
    const { CheckCRC, Warnings } = await read(bytes)
    expect(CheckCRC).toBe(true)
    expect(Warnings[0]).toContain('4711')
  })
})

describe('which sections there are', () => {
  const [KERNEL, COMMAND_LINE, RAMDISK] = LEAST as [Part, Part, Part]
  it.each<[string, readonly Part[]]>([
    ['no kernel', [COMMAND_LINE, RAMDISK]],
    ['no command line', [KERNEL, RAMDISK]],
    ['no ramdisk', [KERNEL, COMMAND_LINE]],
    ['two kernels', [KERNEL, ...LEAST]],
    ['two command lines', [COMMAND_LINE, ...LEAST]],
    ['two metadata sections', [...LEAST, METADATA, METADATA]],
    ['two signatures', [...LEAST, SIGNATURE, SIGNATURE]],
    ['one of type 0', [...LEAST, { type: 0, content: Buffer.alloc(1) }]],
    ['one of type 6', [...LEAST, { type: 6, content: Buffer.alloc(1) }]],
    ['one of type 256 + 1', [{ ...KERNEL, type: 257 }, COMMAND_LINE, RAMDISK]],
  ])('refuses %s', async (_, parts) => {
    expect(await refusedWith(parts)).toBe('ERR_EIF_SECTION')
  })

  it('refuses what a version does not have yet', async () => {
    expect(await refusedWith([...LEAST, SIGNATURE], { version: 2 })).toBe('ERR_EIF_SECTION')
    expect(await refusedWith([...LEAST, METADATA], { version: 3 })).toBe('ERR_EIF_SECTION')
    expect((await read(eifBytes([...LEAST, SIGNATURE], { version: 3 }))).IsSigned).toBe(true)
  })

  it('reads empty ramdisks: some images have their root elsewhere', async () => {
    const { Measurements } = await read(eifBytes([KERNEL, COMMAND_LINE, part('ramdisk', '')]))
    expect(Measurements.PCR0).toBe(Measurements.PCR1)
  })

  it('says that an order is unusual', async () => {
    expect((await read(eifBytes([COMMAND_LINE, KERNEL, RAMDISK]))).Warnings).toHaveLength(1)
    expect((await read(eifBytes([KERNEL, METADATA, COMMAND_LINE, RAMDISK]))).Warnings).toEqual([])
  })
})

describe('sections that are kept in memory', () => {
  const [KERNEL, , RAMDISK] = LEAST as [Part, Part, Part]
  const large = 1024 * 1024 + 1

  it('are bounded, each by its own code', async () => {
    const commandLine = part('commandLine', Buffer.alloc(64 * 1024 + 1))
    expect(await refusedWith([KERNEL, commandLine, RAMDISK])).toBe('ERR_EIF_SECTION')
    expect(await refusedWith([...LEAST, part('metadata', Buffer.alloc(large))])).toBe('ERR_EIF_METADATA')
    expect(await refusedWith([...LEAST, part('signature', Buffer.alloc(large))])).toBe('ERR_EIF_SIGNATURE')
  })

  it('are read up to their bounds', async () => {
    const commandLine = part('commandLine', Buffer.alloc(64 * 1024, 'x'))
    const metadata = part('metadata', Buffer.alloc(large - 1))
    const signature = part('signature', Buffer.alloc(large - 1))
    const { CommandLine, CheckCRC } = await read(
      eifBytes([KERNEL, commandLine, RAMDISK, metadata, signature]),
    )
    expect([CommandLine.length, CheckCRC]).toEqual([64 * 1024, true])
  })
})
