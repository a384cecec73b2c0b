import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { layoutOf } from '../image/oci/layouts.js'
import { blobsFolder } from '../image/root/blobs-folder.js'
import { cli, json, temporaryFolder } from '../support/cli.js'

/** A plain root file system with one program. */
function root(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/app'), 'the program')
  return folder
}
const build = (...args: readonly string[]) => cli(['eif', 'build', ...args])

/** The second ramdisk of an image whose sections are kernel, command line, metadata and two ramdisks. */
function application(image: string): string {
  const bytes = readFileSync(image)
  const [offset, size] = [bytes.readBigUInt64BE(28 + 8 * 4), bytes.readBigUInt64BE(284 + 8 * 4)]
  return gunzipSync(bytes.subarray(Number(offset) + 12, Number(offset + 12n + size))).toString('latin1')
}

describe('nitro-enclave eif build --rootfs', () => {
  it('makes an image of a directory, a command and its environment', async () => {
    const output = join(temporaryFolder(), 'app.eif')
    const command = ['--command', '/bin/app', 'serve', '--command=--verbose', '--env', 'A=1', '--env', 'B=2']
    const parts = ['--rootfs', root(), '--blobs', blobsFolder(), '--output', output]
    const built = await build(...parts, ...command, '--name', 'app', '--json')
    expect([built.code, built.stderr]).toEqual([0, ''])
    const described = await cli(['eif', 'describe', output])
    expect(described.stdout.toString()).toContain('command line  reboot=k panic=30 pci=off\n')
    for (const piece of ['/bin/app\nserve\n--verbose\n', 'A=1\nB=2\n', 'rootfs/bin/app', 'the program']) {
      expect(application(output)).toContain(piece)
    }
    const first = readFileSync(output)
    await build(...parts, ...command, '--name', 'app')
    expect(readFileSync(output).equals(first)).toBe(true)
  })

  it('makes one of an OCI image, for the architecture of the kernel', async () => {
    const output = join(temporaryFolder(), 'app.eif')
    const image = { architecture: 'arm64', config: { Cmd: ['/bin/own'], WorkingDir: '/srv' } }
    const { bzImage: Image = '', ...others } = { bzImage: 'kernel', cmdline: 'x', init: 'i', 'nsm.ko': 'n' }
    const parts = [
      '--rootfs',
      layoutOf(image),
      '--blobs',
      blobsFolder({ ...others, Image }),
      '--output',
      output,
    ]
    const built = await build(...parts, '--cmdline', 'quiet')
    expect([built.code, built.stderr]).toEqual([
      0,
      expect.stringContaining("warning: the image's WORKDIR /srv"),
    ])
    expect(application(output)).toContain('/bin/own\n')
    const described = await cli(['eif', 'describe', output, '--json'])
    expect(json<object>(described)).toMatchObject({ Metadata: { DockerInfo: { Architecture: 'arm64' } } })
    const told = (await cli(['eif', 'describe', output])).stdout.toString()
    expect(told).toMatch(/architecture {2}aarch64\n[\s\S]*command line {2}quiet\n/)
    const other = await build(...parts, '--arch', 'x86_64')
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('is for aarch64, not for x86_64')])
  })

  it.each<[string, readonly string[], string]>([
    ['no blobs', ['--rootfs', '/tmp'], '--rootfs takes --blobs'],
    ['a kernel, too', ['--rootfs', '/tmp', '--kernel', 'x'], '--rootfs and --kernel exclude each other'],
    ['a ramdisk, too', ['--rootfs', '/tmp', '--ramdisk', 'x'], '--rootfs and --ramdisk exclude each other'],
    ['blobs alone', ['--blobs', '/tmp', '--kernel', 'x'], '--blobs goes with --rootfs only'],
    ['a command alone', ['--command', 'x', '--kernel', 'x'], '--command goes with --rootfs only'],
    ['nothing', [], 'no kernel: --kernel FILE or --rootfs DIR'],
    [
      'blobs that are not there',
      ['--rootfs', '/usr', '--blobs', '/nonexistent'],
      '/nonexistent lacks a kernel',
    ],
  ])('refuses %s', async (_, flags, why) => {
    const result = await build(...flags, '--output', join(temporaryFolder(), 'x'))
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining(why)])
  })

  it('does not write into the file system that it reads', async () => {
    const rootfs = root()
    const result = await build(
      ...['--rootfs', rootfs, '--blobs', blobsFolder(), '--command', 'x'],
      ...['--output', join(rootfs, 'bin', 'x.eif')],
    )
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('its own root file system')])
    expect(execFileSync('find', [rootfs, '-type', 'f']).toString()).toBe(`${rootfs}/bin/app\n`)
  })

  it('leaves nothing when it fails, nor when it is ended', async () => {
    const TMPDIR = temporaryFolder()
    const [rootfs, folder] = [root(), temporaryFolder()]
    const args = ['eif', 'build', '--rootfs', rootfs, '--blobs', blobsFolder(), '--output', join(folder, 'x')]
    expect((await cli(args, { env: { TMPDIR } })).stderr).toContain('names no command')
    truncateSync(join(rootfs, 'bin/app'), 2 ** 33)
    const env = { ...process.env, TMPDIR }
    const child = spawn(process.execPath, [resolve('bin/nitro-enclave'), ...args, '--command', 'x'], { env })
    const closed = once(child, 'close')
    while (readdirSync(TMPDIR).length === 0) await sleep(5)
    child.kill('SIGTERM')
    expect((await closed)[0]).toBe(143)
    expect([readdirSync(TMPDIR), readdirSync(folder)]).toEqual([[], []])
  })
})
