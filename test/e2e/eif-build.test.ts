import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { register } from '../image/eif-bytes.js'
import { eifFolder } from '../image/eif-folder.js'
import { BZ_IMAGE } from '../image/kernels.js'
import { makePair } from '../image/signing.js'
import { type CliResult, cli, json } from '../support/cli.js'

const PCR0 = register(BZ_IMAGE, 'console=ttyS0', 'the first ramdisk')

const text = ({ stdout }: CliResult) => stdout.toString('utf8')

describe('nitro-enclave eif build', () => {
  const inputs = () => {
    const { path, file } = eifFolder()
    const parts = ['--kernel', file('bzImage', BZ_IMAGE), '--ramdisk', file('ramdisk', 'the first ramdisk')]
    return { path, file, parts: ['eif', 'build', ...parts], output: join(path, 'app.eif') }
  }

  it('builds what describe describes, and prints its registers', async () => {
    const { parts, output } = inputs()
    const built = await cli([...parts, '--cmdline', 'console=ttyS0', '--output', output, '--json'])
    expect([built.code, built.stderr]).toEqual([0, ''])
    const described = json<object>(await cli(['eif', 'describe', output, '--json']))
    expect(described).toMatchObject({ ...json<object>(built), ImageName: 'bzImage', ImageVersion: '1.0' })
    expect(json<object>(built)).toMatchObject({ Measurements: { PCR0 } })
    const again = await cli([...parts, '--cmdline', 'console=ttyS0', '--output', output])
    expect(text(again)).toContain(`${output}\n  PCR0  ${PCR0}\n`)
  })

  it('takes every option', async () => {
    const { parts, output, file } = inputs()
    const { certificate, keyText } = await makePair('P-521')
    const options = [
      ...['--cmdline-file', file('cmdline', '  console=ttyS0 \r\n')],
      ...['--ramdisk', file('second', 'another'), '--name', 'app', '--version', '1.2.3', '--arch', 'aarch64'],
      ...['--metadata', file('metadata', '{"commit":"abc"}'), '--build-time', '2026-03-01T12:00:00Z'],
      ...['--signing-certificate', file('cert.pem', certificate), '--private-key', file('key.pem', keyText)],
    ]
    const built = await cli([...parts, ...options, '--output', output])
    expect(built.code).toBe(0)
    expect(built.stderr).toMatch(
      /^nitro-enclave eif build: warning: the kernel .* is for x86_64: an image for aarch64 takes an arm64 Image\n$/,
    )
    expect(text(built)).toContain('PCR8')
    expect(json<object>(await cli(['eif', 'describe', output, '--json']))).toMatchObject({
      Measurements: { PCR0: register(BZ_IMAGE, 'console=ttyS0', 'the first ramdisk', 'another') },
      SignatureCheck: true,
      ImageName: 'app',
      ImageVersion: '1.2.3',
      Metadata: { BuildTime: '2026-03-01T12:00:00Z', commit: 'abc' },
    })
    expect(text(await cli(['eif', 'describe', output]))).toContain('aarch64')
  })

  it('follows SOURCE_DATE_EPOCH, and refuses nonsense', async () => {
    const { parts, output } = inputs()
    const build = [...parts, '--cmdline', 'x', '--output', output]
    await cli(build, { env: { SOURCE_DATE_EPOCH: '86400' } })
    expect(text(await cli(['eif', 'describe', output]))).toContain('1970-01-02T00:00:00Z')
    const refused = await cli(build, { env: { SOURCE_DATE_EPOCH: 'now' } })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('SOURCE_DATE_EPOCH')])
  })

  it.each<[string, (file: ReturnType<typeof eifFolder>['file']) => readonly string[], string]>([
    ['no command line', () => [], 'no command line'],
    [
      'two command lines',
      (file) => ['--cmdline', 'x', '--cmdline-file', file('c', 'x')],
      'exclude each other',
    ],
    ['an empty command line', (file) => ['--cmdline-file', file('c', ' \n')], 'it is empty'],
    ['two lines', (file) => ['--cmdline-file', file('c', 'a\nb')], 'a control character, 0x0a'],
    [
      'a ramdisk that is not there',
      () => ['--cmdline', 'x', '--ramdisk', '/nonexistent'],
      'there is no such file',
    ],
    [
      'a certificate alone',
      (file) => ['--cmdline', 'x', '--signing-certificate', file('c', '')],
      'takes both',
    ],
    [
      'metadata that is no JSON',
      (file) => ['--cmdline', 'x', '--metadata', file('m', '{')],
      'it is not JSON',
    ],
    [
      'metadata that is no object',
      (file) => ['--cmdline', 'x', '--metadata', file('m', '1')],
      'must be a JSON object',
    ],
    [
      'a build time without zone',
      () => ['--cmdline', 'x', '--build-time', '2026-03-01T12:00'],
      'Expected a time',
    ],
    ['another architecture', () => ['--cmdline', 'x', '--arch', 'riscv64'], 'Allowed choices'],
  ])('refuses %s, and leaves nothing', async (_, options, why) => {
    const { parts, output, file } = inputs()
    const result = await cli([...parts, ...options(file), '--output', output])
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining(why)])
    expect(existsSync(output)).toBe(false)
  })

  it.each(['--cmdline-file', '--metadata', '--signing-certificate', '--private-key', '--ramdisk'])(
    'does not replace the file of %s',
    async (flag) => {
      const { parts, file } = inputs()
      const own = file('own', '{}')
      const result = await cli([...parts, '--cmdline', 'x', flag, own, '--output', own])
      expect([result.code, result.stderr]).toEqual([1, expect.stringContaining(`its own input ${own}`)])
      expect(readFileSync(own, 'utf8')).toBe('{}')
    },
  )

  it.skipIf(process.platform === 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s with %i, and leaves nothing', async (signal, code) => {
    const { parts, path, output, file } = inputs()
    const large = file('large', '')
    truncateSync(large, 2 ** 33)
    const build = [...parts, '--ramdisk', large, '--cmdline', 'x', '--output', output]
    const child = spawn(process.execPath, [resolve('bin/nitro-enclave'), ...build], { stdio: 'pipe' })
    const closed = once(child, 'close')
    const temporary = () => readdirSync(path).find((name) => name.endsWith('.tmp'))
    while (temporary() === undefined) await sleep(2)
    while (statSync(join(path, temporary() ?? '')).size < 1024) await sleep(2)
    child.kill(signal)
    expect((await closed)[0]).toBe(code)
    expect(readdirSync(path).sort()).toEqual(['bzImage', 'large', 'ramdisk'])
  })
})
