import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eifBytes, LEAST, type Part, part, register } from '../image/eif-bytes.js'
import { eifFolder } from '../image/eif-folder.js'
import { coseSign1, makePair, pcrInfo, signatureSection } from '../image/signing.js'
import { type CliResult, cli, json } from '../support/cli.js'

const PCR0 = register('the kernel', 'console=ttyS0', 'the first ramdisk')
const METADATA = part('metadata', '{"ImageName":"app","ImageVersion":"1","BuildMetadata":{"BuildTool":"x"}}')

const text = ({ stdout }: CliResult) => stdout.toString('utf8')

describe('nitro-enclave eif describe', () => {
  it('prints the members of nitro-cli describe-eif, in its order', async () => {
    const result = await cli(['eif', 'describe', eifFolder().image([...LEAST, METADATA]), '--json'])
    expect([result.code, result.stderr]).toEqual([0, ''])
    expect(text(result)).toBe(
      `${JSON.stringify(
        {
          EifVersion: 4,
          Measurements: { HashAlgorithm: 'Sha384 { ... }', PCR0, PCR1: PCR0, PCR2: register('') },
          IsSigned: false,
          CheckCRC: true,
          ImageName: 'app',
          ImageVersion: '1',
          Metadata: { BuildTool: 'x' },
        },
        null,
        2,
      )}\n`,
    )
  })

  it('adds those of a signed image', async () => {
    const { certificate, privateKey } = await makePair('P-384')
    const section = signatureSection(certificate, coseSign1(pcrInfo(PCR0), privateKey))
    const image = eifFolder().image([...LEAST, part('signature', section)])
    const result = await cli(['eif', 'describe', image, '--json'])
    expect(Object.keys(json<object>(result))).toEqual([
      ...['EifVersion', 'Measurements', 'IsSigned', 'SigningCertificate', 'CheckCRC', 'SignatureCheck'],
    ])
    const told = await cli(['eif', 'describe', image])
    expect(text(told)).toContain("signature     PCR0, by the certificate's key")
    expect(text(told)).toContain('commonName=image signer')
  })

  it('shows a person registers, command line and sections', async () => {
    const result = await cli(['eif', 'describe', eifFolder().image([...LEAST, METADATA])])
    for (const piece of [
      PCR0,
      'console=ttyS0',
      'checksum      right',
      'ramdisk       17 bytes',
      'BuildTool  x',
    ]) {
      expect(text(result)).toContain(piece)
    }
  })

  it('describes an image that is not as it was built, with exit code 2', async () => {
    const { path, file } = eifFolder()
    const result = await cli(['eif', 'describe', file('x', eifBytes(LEAST, { crc: 1 })), '--json'])
    expect([result.code, json<object>(result)]).toMatchObject([
      2,
      { CheckCRC: false, Measurements: { PCR0 } },
    ])
    expect(result.stderr).toContain('warning: the checksum is wrong')
    const unsigned = file('y', eifBytes([...LEAST, part('signature', 'no CBOR')]))
    const signed = await cli(['eif', 'describe', unsigned])
    expect([signed.code, text(signed)]).toEqual([2, expect.stringContaining('signature     WRONG')])
    expect(readdirSync(path)).toEqual(['x', 'y'])
  })

  it.each<[string, (name: string) => void, number, string]>([
    ['is not there', () => undefined, 1, 'ERR_USAGE'],
    ['is a folder', (name) => mkdirSync(name), 1, 'ERR_USAGE'],
    ['is no EIF', (name) => writeFileSync(name, 'text'), 2, 'ERR_EIF_MAGIC'],
    ['is empty', (name) => writeFileSync(name, ''), 2, 'ERR_EIF_TRUNCATED'],
    ['is cut short', (name) => writeFileSync(name, eifBytes(LEAST).subarray(0, -1)), 2, 'ERR_EIF_TRUNCATED'],
  ])('says of a file that it %s', async (_, make, exit, code) => {
    const name = join(eifFolder().path, 'x')
    make(name)
    for (const command of ['describe', 'pcrs']) {
      const result = await cli(['eif', command, name, '--json'])
      expect([result.code, json<object>(result)]).toMatchObject([exit, { error: { code } }])
      expect(result.stderr).toMatch(new RegExp(`^nitro-enclave eif ${command}: .*\\(${code}\\)\n$`))
    }
  })

  it('lets no image drive the terminal', async () => {
    const evil = '\u001b[31m\u009b\u202e\u2028\nPCR0 forged'
    const metadata = part('metadata', JSON.stringify({ ImageName: evil, BuildMetadata: { BuildTool: evil } }))
    const [kernel, , ramdisk] = LEAST as [Part, Part, Part]
    const { image } = eifFolder()
    const [one, other] = [
      image([kernel, part('commandLine', evil), ramdisk, metadata]),
      image([kernel, part('commandLine', 'x'), ramdisk, metadata], 'other'),
    ]
    const commands = [
      ['describe', one],
      ['describe', one, '--json'],
      ['diff', one, other],
      ['diff', one, other, '--json'],
    ]
    for (const command of commands) {
      const printed = text(await cli(['eif', ...command]))
      expect(printed).toContain('[31m')
      for (const raw of ['\u001b', '\u009b', '\u202e', '\u2028', '\nPCR0 forged'])
        expect(printed).not.toContain(raw)
    }
    expect(json<{ ImageName: string }>(await cli(['eif', 'describe', one, '--json'])).ImageName).toBe(evil)
  })
})

describe('nitro-enclave eif pcrs', () => {
  it('prints the registers', async () => {
    const image = eifFolder().image(LEAST)
    expect(text(await cli(['eif', 'pcrs', image]))).toBe(`PCR0 ${PCR0}\nPCR1 ${PCR0}\nPCR2 ${register('')}\n`)
    expect(json<object>(await cli(['eif', 'pcrs', image, '--json']))).toEqual({
      Measurements: { HashAlgorithm: 'Sha384 { ... }', PCR0, PCR1: PCR0, PCR2: register('') },
    })
  })
})

describe('nitro-enclave eif diff', () => {
  it('ends with 0 for the same PCR0, with 3 for another, and says why', async () => {
    const { image } = eifFolder()
    const [kernel, , ramdisk] = LEAST as [Part, Part, Part]
    const one = image(LEAST)
    const same = await cli(['eif', 'diff', one, image([...LEAST, METADATA], 'same')])
    expect([same.code, text(same)]).toEqual([0, expect.stringContaining('PCR0 is the same')])
    expect(text(same)).toContain('metadata differs, and is not measured\n  a none\n')
    const other = image([kernel, part('commandLine', 'quiet'), ramdisk], 'other')
    const differs = await cli(['eif', 'diff', one, other])
    expect([differs.code, text(differs)]).toEqual([
      3,
      `PCR0 differs:\n  a ${PCR0}\n  b ${register('the kernel', 'quiet', 'the first ramdisk')}\n` +
        'command line differs\n  a "console=ttyS0"\n  b "quiet"\n',
    ])
    const asJson = await cli(['eif', 'diff', one, other, '--json'])
    expect([asJson.code, json<object>(asJson)]).toMatchObject([3, { samePcr0: false }])
  })
})

describe('nitro-enclave eif', () => {
  it.each([['eif'], ['eif', 'nothing'], ['eif', 'describe'], ['eif', 'build'], ['eif', 'policy', 'x']])(
    'tells what it takes: %s',
    async (...command) => {
      const { code, stderr } = await cli(command)
      expect([code, stderr]).toEqual([1, expect.stringMatching(/Usage|--help/)])
    },
  )

  it.each(['describe', 'pcrs', 'build', 'diff', 'policy'])(
    '%s --help has examples and exit codes',
    async (name) => {
      const result = await cli(['eif', name, '--help'])
      expect(result.code).toBe(0)
      for (const piece of ['Examples:', `nitro-enclave eif ${name}`, 'Exit codes:'])
        expect(text(result)).toContain(piece)
    },
  )

  it('leaves --version to the program where it stands before a command', async () => {
    expect(text(await cli(['--version']))).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
