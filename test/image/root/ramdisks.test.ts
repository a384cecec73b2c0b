import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readBlobs } from '../../../image/root/blobs.js'
import type { FileSystemEntry } from '../../../image/root/file-system-entry.js'
import { type RamdiskOptions, writeRamdisks } from '../../../image/root/ramdisks.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { BLOBS, blobsFolder } from './blobs-folder.js'
import { readCpio } from './cpio-reader.js'

const MODULES = { 'modules/00-virtio_mmio.ko': 'mmio', 'modules/01-vsock.ko': 'vsock' }

async function ramdisks(
  options: Partial<RamdiskOptions> = {},
  folder = temporaryFolder(),
): Promise<readonly Buffer[]> {
  const blobs = await readBlobs(blobsFolder({ ...BLOBS, ...MODULES }))
  const files = await writeRamdisks({ blobs, root: [], command: ['/bin/app'], env: [], folder, ...options })
  expect(files.map((file) => basename(file))).toEqual(['ramdisk-1.cpio.gz', 'ramdisk-2.cpio.gz'])
  return files.map((file) => readFileSync(file))
}

/** Paths with modes in octal, and contents. */
const list = (ramdisk: Buffer | undefined): [string, string, string][] =>
  readCpio(gunzipSync(ramdisk ?? Buffer.alloc(0))).map(({ path, mode, content }) => [
    path,
    mode.toString(8),
    `${content}`,
  ])

describe('the first ramdisk', () => {
  it('has init, the drivers, and what init mounts devices on', async () => {
    expect(list((await ramdisks())[0])).toEqual([
      ['dev', '40755', ''],
      ['init', '100755', '#!init'],
      ['modules', '40755', ''],
      ['modules/00-virtio_mmio.ko', '100644', 'mmio'],
      ['modules/01-vsock.ko', '100644', 'vsock'],
      ['nsm.ko', '100644', 'driver'],
    ])
  })

  it('does not depend on the application', async () => {
    const [one] = await ramdisks()
    const [other] = await ramdisks({ command: ['x'], root: [{ path: 'a', type: 'directory' }] })
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true)
  })
})

describe('the second ramdisk', () => {
  it('has command and environment, one entry a line, and the root file system', async () => {
    const root: FileSystemEntry[] = [
      { path: 'bin', type: 'directory', mode: 0o700 },
      { path: 'bin/app', type: 'file', mode: 0o4755, uid: 1, content: 'elf' },
    ]
    const command = ['/bin/app', '', 'two words', '$HOME', 'é']
    const env = ['PATH=/bin', 'EMPTY=', 'A=b=c ']
    expect(list((await ramdisks({ root, command, env }))[1])).toEqual([
      ['cmd', '100644', '/bin/app\n\ntwo words\n$HOME\né\n'],
      ['env', '100644', 'PATH=/bin\nEMPTY=\nA=b=c \n'],
      ['rootfs', '40755', ''],
      ['rootfs/bin', '40700', ''],
      ['rootfs/bin/app', '104755', 'elf'],
      ['rootfs/dev', '40755', ''],
      ['rootfs/proc', '40755', ''],
      ['rootfs/run', '40755', ''],
      ['rootfs/sys', '40755', ''],
      ['rootfs/tmp', '41777', ''],
      ['rootfs/var', '40755', ''],
    ])
  })

  it('leaves the directories that are there as they are', async () => {
    const root: FileSystemEntry[] = [
      { path: 'tmp', type: 'directory', mode: 0o700 },
      { path: 'var', type: 'symlink', target: 'data' },
      { path: 'run/app/x', type: 'directory', mode: 0o711 },
    ]
    expect(list((await ramdisks({ root }))[1])).toEqual(
      expect.arrayContaining([
        ['rootfs/tmp', '40700', ''],
        ['rootfs/var', '120777', 'data'],
        ['rootfs/run', '40755', ''],
        ['rootfs/run/app/x', '40711', ''],
      ]),
    )
  })

  it('may have no environment', async () => {
    expect(list((await ramdisks())[1])).toContainEqual(['env', '100644', ''])
  })

  it('keeps names that are not UTF-8', async () => {
    const root: FileSystemEntry[] = [{ path: Uint8Array.of(0xfe, 0xff), type: 'directory' }]
    expect(list((await ramdisks({ root }))[1])).toContainEqual(['rootfs/\xfe\xff', '40755', ''])
  })
})

describe('ramdisks', () => {
  it('have the same bytes for the same input, whatever its order', async () => {
    const root: FileSystemEntry[] = [
      { path: 'a', type: 'directory' },
      { path: 'b', type: 'file', content: 'x'.repeat(1_000_000) },
      { path: 'a/c', type: 'symlink', target: 'b' },
    ]
    const [one, other] = [await ramdisks({ root }), await ramdisks({ root: [...root].reverse() })]
    expect(one[0]?.equals(other[0] ?? Buffer.alloc(0))).toBe(true)
    expect(one[1]?.equals(other[1] ?? Buffer.alloc(0))).toBe(true)
  })

  it.each([
    ['no command', { command: [] }, /no command.*CMD/],
    ['an empty program', { command: ['', 'x'] }, /no command/],
    ['an argument with a line feed', { command: ['sh', '-c', 'a\nb'] }, /argument "a\\u\{a\}b".*line feed/],
    ['an argument with a NUL', { command: ['sh', 'a\0'] }, /argument "a\\u\{0\}".*NUL/],
    ['an environment with a line feed', { env: ['A=b\nC=d'] }, /"A=b\\u\{a\}C=d".*line feed/],
    ['an environment with a NUL', { env: ['A=\0'] }, /"A=\\u\{0\}".*NUL/],
    ['an environment without a value', { env: ['PATH'] }, /"PATH".*NAME=value/],
    ['an environment without a name', { env: ['=x'] }, /"=x".*NAME=value/],
  ])('are not made of %s', async (_, options, message) => {
    const error = await refusal(() => ramdisks(options))
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
    expect(error.message).toMatch(message)
  })

  it.each(['dev', 'proc', 'run', 'sys', 'tmp'])(
    'are not made of a root whose /%s is a file',
    async (path) => {
      const error = await refusal(() => ramdisks({ root: [{ path, type: 'file', content: '' }] }))
      expect(error).toMatchObject({
        code: 'ERR_ROOT_FILE_SYSTEM',
        message: expect.stringContaining(`"${path}"`),
      })
    },
  )
})
