import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cpio } from '../../../image/root/cpio.js'
import { type ListLimits, listEntries } from '../../../image/root/entry-list.js'
import type { FileSystemEntry } from '../../../image/root/file-system-entry.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { collect, readCpio } from './cpio-reader.js'
import { withProgram } from './programs.js'

const archive = (...entries: FileSystemEntry[]): Promise<Buffer> => collect(cpio(entries))
const members = async (...entries: FileSystemEntry[]) => readCpio(await archive(...entries))
const file = (path: FileSystemEntry['path'], content: string | Uint8Array = ''): FileSystemEntry => ({
  path,
  type: 'file',
  content,
})

describe('a cpio archive', () => {
  it('has every type with its mode, owner, content and device', async () => {
    const all = await members(
      { path: 'bin', type: 'directory', mode: 0o1777, uid: 1, gid: 2 },
      { path: 'bin/su', type: 'file', mode: 0o4755, uid: 0xffff_ffff, gid: 3, content: 'elf' },
      { path: 'bin/sh', type: 'symlink', target: 'su' },
      { path: 'null', type: 'character device', mode: 0o666, major: 1, minor: 3 },
      { path: 'sda', type: 'block device', mode: 0o600, major: 8, minor: 300 },
      { path: 'pipe', type: 'fifo', mode: 0o600 },
    )
    expect(
      all.map(({ path, mode, uid, gid, device, content }) => [path, mode, uid, gid, device, `${content}`]),
    ).toEqual([
      ['bin', 0o041777, 1, 2, [0, 0], ''],
      ['bin/sh', 0o120777, 0, 0, [0, 0], 'su'],
      ['bin/su', 0o104755, 0xffff_ffff, 3, [0, 0], 'elf'],
      ['null', 0o020666, 0, 0, [1, 3], ''],
      ['pipe', 0o010600, 0, 0, [0, 0], ''],
      ['sda', 0o060600, 0, 0, [8, 300], ''],
    ])
  })

  it('numbers its inodes from 1, has no times, and no hard links', async () => {
    const all = await members(file('b'), file('a'), { path: 'c', type: 'directory' })
    expect(all.map(({ inode, time, links }) => [inode, time, links])).toEqual([
      [1, 0, 1],
      [2, 0, 1],
      [3, 0, 1],
    ])
  })

  it('is sorted by the bytes of the paths, each parent before its children', async () => {
    const names = ['b', 'a/z', 'a', 'a-b', 'a.b', 'é', 'z', '\u{1f600}', '\uffee']
    const entries = names.map(
      (path): FileSystemEntry => (path === 'a' ? { path, type: 'directory' } : file(path)),
    )
    const text = async (list: FileSystemEntry[]) =>
      (await members(...list)).map(({ path }) => Buffer.from(path, 'latin1').toString())
    expect(await text(entries)).toEqual(['a', 'a-b', 'a.b', 'a/z', 'b', 'z', 'é', '\uffee', '\u{1f600}'])
  })

  it('makes the directories that are missing', async () => {
    const all = await members(file('a/b/c'), { path: 'a', type: 'directory', mode: 0o700, uid: 5 })
    expect(all.map(({ path, mode, uid }) => [path, mode, uid])).toEqual([
      ['a', 0o040700, 5],
      ['a/b', 0o040755, 0],
      ['a/b/c', 0o100644, 0],
    ])
  })

  it('keeps names that are not UTF-8', async () => {
    const [member] = await members(file(Uint8Array.of(0x66, 0xff, 0xfe)))
    expect(member?.path).toBe('f\xff\xfe')
  })

  it('keeps targets of symbolic links that are not UTF-8', async () => {
    const [member] = await members({ path: 'l', type: 'symlink', target: Uint8Array.of(0xff, 0x2f) })
    expect(member?.content).toEqual(Buffer.from([0xff, 0x2f]))
  })

  it('reads files of this machine, of any size, whole or in part', async () => {
    const path = join(temporaryFolder(), 'content')
    const content = Buffer.alloc(1_000_003, 'enclave')
    writeFileSync(path, content)
    const [whole, part] = await members(
      { path: 'a', type: 'file', content: { file: path, size: content.length } },
      { path: 'b', type: 'file', content: { file: path, offset: 5, size: 300_000 } },
    )
    expect(whole?.content.equals(content)).toBe(true)
    expect(part?.content.equals(content.subarray(5, 300_005))).toBe(true)
  })

  it.skipIf(!existsSync('/proc/self/fd'))('closes the files that it reads', async () => {
    const path = join(temporaryFolder(), 'content')
    writeFileSync(path, 'content')
    const before = readdirSync('/proc/self/fd').length
    const content = { file: path }
    await members(
      ...Array.from({ length: 100 }, (_, i): FileSystemEntry => ({ path: `${i}`, type: 'file', content })),
    )
    expect(readdirSync('/proc/self/fd').length - before).toBeLessThan(50)
  })

  it('ends, when it is empty, with its trailer alone', async () => {
    expect(await members()).toEqual([])
    expect((await archive()).toString('latin1')).toContain('TRAILER!!!\0')
  })
})

describe('what a cpio archive cannot hold', () => {
  const directory: FileSystemEntry = { path: 'd', type: 'directory' }
  const cases: [string, FileSystemEntry[], RegExp][] = [
    ['an empty path', [file('')], /it is empty/],
    ['a leading slash', [file('/etc')], /"\/etc".*an empty name/],
    ['a slash at the end', [file('etc/')], /"etc\/".*an empty name/],
    ['two slashes', [file('a//b')], /"a\/\/b".*an empty name/],
    ['..', [file('a/../b')], /"a\/\.\.\/b".*component \.\./],
    ['. ', [file('./b')], /"\.\/b".*component \./],
    ['a NUL', [file('a\0b')], /"a\\u\{0\}b".*a NUL/],
    ['a path twice', [file('a'), file('a')], /"a" .*twice/],
    ['a path twice, as text and as bytes', [file('é'), file(Buffer.from('é'))], /twice/],
    ['a directory twice', [directory, directory], /"d" .*twice/],
    ['a file in a file', [file('a'), file('a/b')], /"a\/b".*"a" is a file/],
    [
      'a file in a symbolic link',
      [{ path: 'a', type: 'symlink', target: 'b' }, file('a/b/c')],
      /"a\/b\/c".*"a" is a symlink/,
    ],
    ['a name that the kernel cannot create', [file('n'.repeat(256))], /256 bytes/],
    ['a path that the kernel skips', [file(`${'d/'.repeat(2047)}ff`)], /4096 bytes/],
    [
      'a target that the kernel skips',
      [{ path: 'l', type: 'symlink', target: 't'.repeat(4096) }],
      /"l".*4096 bytes/,
    ],
    ['a symbolic link to nothing', [{ path: 'l', type: 'symlink', target: '' }], /"l".*to nothing/],
    ['a symbolic link to a NUL', [{ path: 'l', type: 'symlink', target: 'a\0' }], /"l".*NUL/],
    ["the trailer's name", [file('TRAILER!!!')], /"TRAILER!!!".*end of the archive/],
    ['a mode with a type in it', [{ ...directory, mode: 0o40755 }], /"d".*mode/],
    ['a negative owner', [{ ...directory, uid: -1 }], /"d".*-1:0/],
    ['an owner of more than 32 bits', [{ ...directory, gid: 2 ** 32 }], /"d".*0:4294967296/],
    ['a device of half a number', [{ path: 'x', type: 'block device', major: 1, minor: 0.5 }], /"x".*1:0\.5/],
  ]
  it.each(cases)('%s', async (_, entries, message) => {
    const error = await refusal(() => archive(...entries))
    expect(error).toMatchObject({ name: 'FormatError', code: 'ERR_ROOT_FILE_SYSTEM' })
    expect(error.message).toMatch(message)
  })

  it('takes the longest path, name and target that the kernel takes', async () => {
    const all = await members(
      file(`${'d/'.repeat(2047)}f`),
      file('n'.repeat(255)),
      { path: 'l', type: 'symlink', target: 't'.repeat(4095) },
      file('x/TRAILER!!!'),
    )
    expect(all).toHaveLength(2047 + 5)
  })

  it('a file of more than 4 GiB - 1', async () => {
    const path = join(temporaryFolder(), 'large')
    writeFileSync(path, '')
    truncateSync(path, 2 ** 32)
    const error = await refusal(() => archive({ path: 'large', type: 'file', content: { file: path } }))
    expect(error).toMatchObject({
      code: 'ERR_ROOT_FILE_SYSTEM',
      message: expect.stringMatching(/"large".*4294967296/),
    })
  })

  it('a file that is not there', async () => {
    const error = await refusal(() => archive({ path: 'a', type: 'file', content: { file: '/nonexistent' } }))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringMatching(/"\/nonexistent".*no such file/),
    })
  })

  it('a FIFO in the place of a file', async () => {
    const path = join(temporaryFolder(), 'pipe')
    execFileSync('mkfifo', [path])
    const error = await refusal(() => archive({ path: 'a', type: 'file', content: { file: path } }))
    expect(error).toMatchObject({ code: 'ERR_ROOT_FILE_SYSTEM', message: expect.stringContaining('pipe"') })
  })

  it('more entries, or longer paths in all, than a list is to take of memory', async () => {
    const entries = [file('aa/bb'), file('cc')]
    const why = async (limits: ListLimits) => (await refusal(() => listEntries(entries, limits))).message
    // One is the directory.
    expect(await why({ entries: 2 })).toMatch(/more than 2 entries/)
    expect(await why({ pathBytes: 8 })).toMatch(/more than 8 bytes/)
    expect(await listEntries(entries, { entries: 3, pathBytes: 9 })).toHaveLength(3)
  })

  it('a directory in the place of a file', async () => {
    const error = await refusal(() => archive({ path: 'a', type: 'file', content: { file: '/' } }))
    expect(error).toMatchObject({ code: 'ERR_ROOT_FILE_SYSTEM', message: expect.stringContaining('"/"') })
  })
})

describe('a file that changes while the archive is written', () => {
  const change = async (when: 'before' | 'during', how: (path: string) => void) => {
    const path = join(temporaryFolder(), 'content')
    writeFileSync(path, Buffer.alloc(600_000))
    const content = { file: path, size: 600_000 }
    if (when === 'before') how(path)
    const chunks = cpio([{ path: 'a', type: 'file', content }])
    return await refusal(async () => {
      for (let read = 0; ; ) {
        const { done, value } = await chunks.next()
        if (done) return
        read += value.length
        if (when === 'during' && read > 1000) how(path)
      }
    })
  }
  const longer = (path: string) => appendFileSync(path, 'more')
  const shorter = (path: string) => truncateSync(path, 300_000)

  it.each([
    ['before', 'longer', longer],
    ['before', 'shorter', shorter],
    ['during', 'longer', longer],
    ['during', 'shorter', shorter],
  ] as const)('%s it is read, and becomes %s', async (when, _, how) => {
    const error = await change(when, how)
    expect(error).toMatchObject({ name: 'FormatError', code: 'ERR_ROOT_FILE_SYSTEM' })
    expect(error.message).toMatch(/content".*changed/)
  })
})

const TREE: readonly FileSystemEntry[] = [
  { path: 'init', type: 'file', mode: 0o755, content: '#!/bin/sh\n' },
  { path: 'rootfs/etc/empty', type: 'file', content: '' },
  { path: 'rootfs/etc/passwd', type: 'file', mode: 0o600, content: 'root\n' },
  { path: 'rootfs/bin/sh', type: 'symlink', target: '/bin/busybox' },
  { path: 'rootfs/tmp', type: 'directory', mode: 0o1777 },
]

const checkUnpacked = (folder: string): void => {
  expect(readFileSync(join(folder, 'init'), 'utf8')).toBe('#!/bin/sh\n')
  expect(lstatSync(join(folder, 'init')).mode & 0o7777).toBe(0o755)
  expect(readFileSync(join(folder, 'rootfs/etc/empty'), 'utf8')).toBe('')
  expect(lstatSync(join(folder, 'rootfs/etc/passwd')).mode & 0o7777).toBe(0o600)
  expect(readlinkSync(join(folder, 'rootfs/bin/sh'))).toBe('/bin/busybox')
  expect(lstatSync(join(folder, 'rootfs/tmp')).mode & 0o7777).toBe(0o1777)
  expect(lstatSync(join(folder, 'rootfs/tmp')).mtimeMs).toBe(0)
}

const unpack = async (program: string, args: readonly string[]): Promise<void> => {
  const folder = join(temporaryFolder(), 'unpacked')
  mkdirSync(folder)
  execFileSync(program, args, {
    cwd: folder,
    input: await archive(...TREE),
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  checkUnpacked(folder)
}

withProgram('cpio', ['--version'], 'GNU cpio', () => {
  it('unpacks it', () =>
    unpack('cpio', ['--extract', '--preserve-modification-time', '--no-absolute-filenames', '--quiet']))
})

withProgram('busybox', ['cpio', '--help'], "BusyBox's cpio", () => {
  it('unpacks it', () => unpack('busybox', ['cpio', '-i', '-m', '-d']))
})
