import { describe, expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { describeSource } from '../../image/describe.js'
import { eifBytes, LEAST, type Part, part, register } from './eif-bytes.js'

const read = (parts: readonly Part[], version = 4) =>
  describeSource(memorySource(eifBytes(parts, { version })))
const withMetadata = (metadata: unknown) =>
  read([...LEAST, part('metadata', typeof metadata === 'string' ? metadata : JSON.stringify(metadata))])

const IDENTITY = {
  ImageName: 'app',
  ImageVersion: '1.2.0',
  BuildMetadata: {
    BuildTime: '2025-10-05T13:12:27.410516995+00:00',
    BuildTool: 'nitro-cli',
    BuildToolVersion: '1.4.2',
    OperatingSystem: 'Linux',
    KernelVersion: '4.14.256',
  },
  DockerInfo: { Architecture: 'amd64' },
  CustomMetadata: null,
}

describe('an image of version 2, without metadata', () => {
  it('has registers, a checksum, and nothing else', async () => {
    const { Sections, Warnings, CommandLine, ...rest } = await read(LEAST, 2)
    expect(rest).toEqual({
      EifVersion: 2,
      Measurements: {
        HashAlgorithm: 'Sha384 { ... }',
        PCR0: register('the kernel', 'console=ttyS0', 'the first ramdisk'),
        PCR1: register('the kernel', 'console=ttyS0', 'the first ramdisk'),
        PCR2: register(''),
      },
      IsSigned: false,
      CheckCRC: true,
      Architecture: 'x86_64',
      DefaultMemory: 2 ** 30,
      DefaultCpus: 2,
    })
    expect(CommandLine).toBe('console=ttyS0')
    expect(Warnings).toEqual([])
    expect(Sections).toEqual([
      { type: 'kernel', size: 10 },
      { type: 'commandLine', size: 13 },
      { type: 'ramdisk', size: 17 },
    ])
  })
})

describe('the command line', () => {
  it('is shown without the NUL that some writers end it with, which is measured', async () => {
    const [kernel, , ramdisk] = LEAST as [Part, Part, Part]
    const { CommandLine, Measurements } = await read([kernel, part('commandLine', 'quiet\0'), ramdisk])
    expect(CommandLine).toBe('quiet')
    expect(Measurements.PCR0).toBe(register('the kernel', 'quiet\0', 'the first ramdisk'))
  })
})

describe('the checksum', () => {
  it('is false for another one, and that is no error', async () => {
    const image = await describeSource(memorySource(eifBytes(LEAST, { crc: 0x12345678 })))
    expect(image.CheckCRC).toBe(false)
    expect(image.Warnings).toEqual(['the checksum is wrong: the file is not as it was built'])
  })
})

describe('metadata', () => {
  it('is shown as nitro-cli shows it', async () => {
    expect(await withMetadata(IDENTITY)).toMatchObject({
      ImageName: 'app',
      ImageVersion: '1.2.0',
      Metadata: {
        BuildTime: '2025-10-05T13:12:27.410516995+00:00',
        BuildTool: 'nitro-cli',
        BuildToolVersion: '1.4.2',
        OperatingSystem: 'Linux',
        KernelVersion: '4.14.256',
        DockerInfo: { Architecture: 'amd64' },
      },
    })
  })

  it('has the members of CustomMetadata beside its own, of which they replace none', async () => {
    const CustomMetadata = { commit: 'abc', BuildTool: 'forged', nested: { a: [1] } }
    const { Metadata } = await withMetadata({ ...IDENTITY, CustomMetadata })
    expect(Metadata).toMatchObject({ commit: 'abc', BuildTool: 'nitro-cli', nested: { a: [1] } })
    expect(Metadata).not.toHaveProperty('CustomMetadata')
  })

  it('shows CustomMetadata that is no object as it is', async () => {
    expect((await withMetadata({ ...IDENTITY, CustomMetadata: [1] })).Metadata?.CustomMetadata).toEqual([1])
  })

  it('of another shape is shown as far as it goes', async () => {
    const { Metadata, ...rest } = await withMetadata({ ImageName: 7, ImageVersion: 'v', BuildMetadata: 'x' })
    expect(Metadata).toEqual({})
    expect(rest).toMatchObject({ ImageVersion: 'v', Warnings: [] })
    expect(rest).not.toHaveProperty('ImageName')
  })

  it.each([
    ['no JSON', '{"ImageName":', 'it is not JSON'],
    ['nothing', '', 'it is not JSON'],
    ['no UTF-8', Buffer.from('7b22e9223a317d', 'hex'), 'it is not JSON'],
    ['an array', '[]', 'it is not a JSON object'],
    ['null', 'null', 'it is not a JSON object'],
    ['a thousand objects in one another', `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`, 'deeper than 100'],
    ['half a mebibyte of brackets', `{"a":${'['.repeat(250_000)}${']'.repeat(250_000)}}`, 'deeper than 100'],
  ])('that is %s is a warning', async (_, content, why) => {
    const image = await read([...LEAST, part('metadata', content)])
    expect(image.CheckCRC).toBe(true)
    expect(image).not.toHaveProperty('Metadata')
    expect(image.Warnings.join()).toContain(`the metadata cannot be read: `)
    expect(image.Warnings.join()).toContain(why)
  })

  it('is not taken for deep by brackets in its strings', async () => {
    const text = `\\"${'[{'.repeat(200)}`
    expect((await withMetadata({ ImageName: text })).ImageName).toBe(text)
  })
})
