import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type BuildEifOptions, buildEif } from '../../image/build.js'
import { describeEif } from '../../image/describe.js'
import { temporaryFolder } from '../support/cli.js'
import { code, refusal } from '../support/errors.js'
import { eifBytes, part, register } from './eif-bytes.js'

/** Files with these contents, and options that name them. */
function inputs(kernel: string | Uint8Array = 'K', ramdisks: readonly (string | Uint8Array)[] = ['1', '2']) {
  const folder = temporaryFolder()
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  return {
    kernel: file('kernel', kernel),
    ramdisks: ramdisks.map((content, index) => file(`ramdisk${index}`, content)),
    commandLine: 'cmd',
    output: join(folder, 'image.eif'),
    name: 'app',
    version: '1.2',
  } satisfies BuildEifOptions
}

const built = async (options: BuildEifOptions): Promise<Buffer> => {
  await buildEif(options)
  return readFileSync(options.output)
}
const metadataOf = async (options: BuildEifOptions) => {
  await buildEif(options)
  return (await describeEif(options.output)).Metadata
}
const u64 = (value: number) => value.toString(16).padStart(16, '0')

afterEach(() => vi.unstubAllEnvs())

describe('a built image', () => {
  const METADATA =
    '{"ImageName":"app","ImageVersion":"1.2","BuildMetadata":{"BuildTime":"1970-01-01T00:00:00Z",' +
    '"BuildTool":"nitro-enclave-sdk","BuildToolVersion":"0.1.0","OperatingSystem":"Linux",' +
    '"KernelVersion":"Unknown"},"DockerInfo":null,"CustomMetadata":null}'

  it('has the layout of nitro-cli, byte for byte', async () => {
    const size = METADATA.length
    const offsets = [548, 561, 576, 588 + size, 601 + size]
    const sizes = [1, 3, size, 1, 1]
    const section = (type: number, content: string) =>
      `000${type}0000${u64(content.length)}${Buffer.from(content).toString('hex')}`
    const hex = [
      `2e656966${'0004'}${'0000'}`, // magic, version, flags
      u64(2 ** 30) + u64(2), // memory, CPUs
      `0000${'0005'}`, // reserved, sections
      ...offsets.map(u64),
      u64(0).repeat(27),
      ...sizes.map(u64),
      u64(0).repeat(27),
      '00000000', // unused
      'CRC',
      section(1, 'K') + section(2, 'cmd') + section(5, METADATA) + section(3, '1') + section(3, '2'),
    ]
    const bytes = await built(inputs())
    const crc = bytes.toString('hex', 544, 548)
    expect(bytes.toString('hex')).toBe(hex.join('').replace('CRC', crc))
  })

  it('has the checksum that another writer gives it', async () => {
    const parts = [part('kernel', 'K'), part('commandLine', 'cmd'), part('metadata', METADATA)]
    expect(await built(inputs())).toEqual(eifBytes([...parts, part('ramdisk', '1'), part('ramdisk', '2')]))
  })

  it('describes as what it was built from', async () => {
    const options = { ...inputs(), architecture: 'aarch64' as const }
    const measurements = await buildEif(options)
    expect(measurements).toEqual({
      HashAlgorithm: 'Sha384 { ... }',
      PCR0: register('K', 'cmd', '1', '2'),
      PCR1: register('K', 'cmd', '1'),
      PCR2: register('2'),
    })
    expect(await describeEif(options.output)).toMatchObject({
      EifVersion: 4,
      Measurements: measurements,
      IsSigned: false,
      CheckCRC: true,
      ImageName: 'app',
      ImageVersion: '1.2',
      Architecture: 'aarch64',
      CommandLine: 'cmd',
      Warnings: [],
    })
  })

  it('is the same file for the same input, wherever and whenever', async () => {
    const large = Buffer.alloc(2 * 1024 * 1024 + 1, 'large ')
    const [one, other] = [inputs(large, [large, 'x']), inputs(large, [large, 'x'])]
    const [first, second, third] = [await built(one), await built(other), await built(one)]
    // Not toEqual: it takes half a minute to compare these.
    expect([first.equals(second), first.equals(third)]).toEqual([true, true])
  })

  it.each(['kernel', 'commandLine', 'ramdisks'] as const)('differs in PCR0 by its %s', async (what) => {
    const { PCR0 } = await buildEif(inputs())
    const changed = what === 'kernel' ? inputs('k') : what === 'ramdisks' ? inputs('K', ['1', '3']) : inputs()
    expect(
      (await buildEif({ ...changed, ...(what === 'commandLine' && { commandLine: 'cme' }) })).PCR0,
    ).not.toBe(PCR0)
  })

  it('has 29 ramdisks at most, 28 when it is signed', async () => {
    const ramdisks = Array.from({ length: 30 }, (_, index) => `ramdisk ${index}`)
    expect(await code(() => buildEif(inputs('K', ramdisks)))).toBe('ERR_USAGE')
    const options = inputs('K', ramdisks.slice(1))
    await buildEif(options)
    expect((await describeEif(options.output)).Sections).toHaveLength(32)
    expect(await code(() => buildEif(inputs('K', [])))).toBe('ERR_USAGE')
  })
})

describe('the metadata', () => {
  it('holds what was given', async () => {
    const options = {
      ...inputs(),
      customMetadata: { commit: 'abc' },
      dockerInfo: { Architecture: 'amd64' },
      operatingSystem: 'Other',
      kernelVersion: '6.12',
      buildTime: new Date('2026-03-01T12:00:00.250Z'),
    }
    expect(await metadataOf(options)).toEqual({
      BuildTime: '2026-03-01T12:00:00.250Z',
      BuildTool: 'nitro-enclave-sdk',
      BuildToolVersion: '0.1.0',
      OperatingSystem: 'Other',
      KernelVersion: '6.12',
      DockerInfo: { Architecture: 'amd64' },
      commit: 'abc',
    })
  })

  it('changes no register', async () => {
    const plain = await buildEif(inputs())
    expect(await buildEif({ ...inputs(), name: 'other', customMetadata: { a: 1 } })).toEqual(plain)
  })

  it.each([
    ['an array', [1], 'ERR_USAGE'],
    ['a text', 'x', 'ERR_USAGE'],
    ['what has no JSON', { a: 1n }, 'ERR_EIF_METADATA'],
    ['a mebibyte', { a: 'x'.repeat(2 ** 20) }, 'ERR_EIF_METADATA'],
    [
      'what is nested too deeply',
      JSON.parse(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`),
      'ERR_EIF_METADATA',
    ],
  ])('is refused when it is %s, and nothing is written', async (_, customMetadata, expected) => {
    const options = { ...inputs(), customMetadata }
    expect(await code(() => buildEif(options))).toBe(expected)
    expect(() => readFileSync(options.output)).toThrow('ENOENT')
  })

  it.each(['name', 'version'] as const)('takes a %s', async (member) => {
    expect(await code(() => buildEif({ ...inputs(), [member]: '' }))).toBe('ERR_USAGE')
  })
})

describe('the build time', () => {
  const time = async (options: Partial<BuildEifOptions> = {}) =>
    (await metadataOf({ ...inputs(), ...options }))?.BuildTime

  it('is 1970 when nobody gives one', async () => {
    vi.stubEnv('SOURCE_DATE_EPOCH', undefined)
    expect(await time()).toBe('1970-01-01T00:00:00Z')
  })

  it('is SOURCE_DATE_EPOCH, unless one is given', async () => {
    vi.stubEnv('SOURCE_DATE_EPOCH', '1767225599')
    expect(await time()).toBe('2025-12-31T23:59:59Z')
    expect(await time({ buildTime: new Date('2026-01-02T03:04:05Z') })).toBe('2026-01-02T03:04:05Z')
  })

  it.each(['', 'yesterday', '-1', '1e9', '1.5', ' 1', '0x10', '253402300800', '9'.repeat(30)])(
    'refuses SOURCE_DATE_EPOCH=%j',
    async (value) => {
      vi.stubEnv('SOURCE_DATE_EPOCH', value)
      const error = await refusal(() => buildEif(inputs()))
      expect([error.code, error.message]).toEqual([
        'ERR_USAGE',
        expect.stringMatching(/SOURCE_DATE_EPOCH|9999/),
      ])
    },
  )

  it.each([Number.NaN, -1, Date.parse('+010000-01-01T00:00:00Z')])('refuses the Date %d', async (value) => {
    expect(await code(() => buildEif({ ...inputs(), buildTime: new Date(value) }))).toBe('ERR_USAGE')
  })
})

describe('the command line', () => {
  const building = (commandLine: string) => () => buildEif({ ...inputs(), commandLine })

  it('has 2,047 bytes at most, as the kernel takes it', async () => {
    await building('x'.repeat(2047))()
    expect(await code(building('x'.repeat(2048)))).toBe('ERR_USAGE')
    expect(await code(building('é'.repeat(1024)))).toBe('ERR_USAGE')
  })

  it.each(['a\nb', 'a\n', 'a\0', '\u001b[2J', 'a\tb'])('has no control characters: %j', async (text) => {
    const { message } = await refusal(building(text))
    expect(message).toMatch(/control character, 0x[0-9a-f]{2}$/)
  })
})

describe('the kernel version', () => {
  /** Fields of the x86 boot protocol: boot_flag, header, kernel_version. */
  const bzImage = ({
    flag = 0xaa55,
    magic = 'HdrS',
    pointer = 0x100,
    text = '6.12.9-cloud-amd64 (x@y) #1\0',
  }) => {
    const bytes = Buffer.alloc(0x500)
    bytes.writeUInt16LE(flag, 0x1fe)
    bytes.write(magic, 0x202, 'latin1')
    bytes.writeUInt16LE(pointer, 0x20e)
    if (pointer > 0 && pointer < 0x200) bytes.write(text, 0x200 + pointer, 'latin1')
    return bytes
  }
  const version = async (kernel: Uint8Array) => (await metadataOf(inputs(kernel)))?.KernelVersion

  it('is that of a bzImage', async () => {
    expect(await version(bzImage({}))).toBe('6.12.9-cloud-amd64')
    expect(await version(bzImage({ text: '5.10.1\0' }))).toBe('5.10.1')
  })

  it.each([
    ['another boot flag', bzImage({ flag: 0 })],
    ['another magic', bzImage({ magic: 'HdrT' })],
    ['no pointer', bzImage({ pointer: 0 })],
    ['a pointer beyond its end', bzImage({ pointer: 0xffff })],
    ['a pointer to no version', bzImage({ text: '\u001b[2J6.1' })],
    ['a version that does not end', bzImage({ text: '6'.repeat(200) })],
    ['fewer bytes than the header', bzImage({}).subarray(0, 0x20f)],
  ])('is unknown with %s', async (_, kernel) => {
    expect(await version(kernel)).toBe('Unknown')
  })
})
