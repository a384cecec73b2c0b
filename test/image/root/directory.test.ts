import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cpio } from '../../../image/root/cpio.js'
import { directoryEntries } from '../../../image/root/directory.js'
import type { FileSystemEntry } from '../../../image/root/file-system-entry.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { type CpioMember, collect, readCpio } from './cpio-reader.js'

const isRoot = process.getuid?.() === 0

const archive = (folder: string): Promise<Buffer> => collect(cpio(directoryEntries(folder)))

async function members(folder: string): Promise<Record<string, CpioMember>> {
  return Object.fromEntries(readCpio(await archive(folder)).map((member) => [member.path, member]))
}

describe("a directory's entries", () => {
  it('are all below it, and not itself', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'a/b/c'), { recursive: true })
    writeFileSync(join(folder, 'a/b/file'), 'content')
    expect(Object.keys(await members(folder))).toEqual(['a', 'a/b', 'a/b/c', 'a/b/file'])
  })

  it('are none of an empty one', async () => {
    expect(await members(temporaryFolder())).toEqual({})
  })

  it('keep their modes, set-user-ID and sticky bit included', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'su'), 'elf')
    chmodSync(join(folder, 'su'), 0o4711)
    mkdirSync(join(folder, 'tmp'))
    chmodSync(join(folder, 'tmp'), 0o1777)
    const { su, tmp } = await members(folder)
    expect(su?.mode).toBe(0o104711)
    expect(tmp?.mode).toBe(0o041777)
  })

  it.skipIf(!isRoot)('keep their owners', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'a'), '')
    chownSync(join(folder, 'a'), 1234, 5678)
    expect((await members(folder)).a).toMatchObject({ uid: 1234, gid: 5678 })
  })

  it('keep symbolic links as links, wherever they lead', async () => {
    const folder = temporaryFolder()
    symlinkSync('/', join(folder, 'root'))
    symlinkSync('missing/../x', join(folder, 'broken'))
    const { root, broken } = await members(folder)
    expect([root?.mode, root?.content.toString()]).toEqual([0o120777, '/'])
    expect(broken?.content.toString()).toBe('missing/../x')
  })

  it('have hard links as files of their own', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'a'), 'content')
    linkSync(join(folder, 'a'), join(folder, 'b'))
    const { a, b } = await members(folder)
    expect([a?.content.toString(), b?.content.toString()]).toEqual(['content', 'content'])
    expect(a?.inode).not.toBe(b?.inode)
  })

  it('keep names that are not UTF-8', async () => {
    const folder = temporaryFolder()
    mkdirSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xff)]))
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xff, 0x2f, 0xfe)]), 'content')
    const all = await members(folder)
    expect(Object.keys(all)).toEqual(['\xff', '\xff/\xfe'])
    expect(all['\xff/\xfe']?.content.toString()).toBe('content')
  })

  it('have FIFOs', async () => {
    const folder = temporaryFolder()
    execFileSync('mkfifo', ['-m', '600', join(folder, 'pipe')])
    expect((await members(folder)).pipe?.mode).toBe(0o010600)
  })

  it.skipIf(!isRoot)('have devices, with numbers of any size', async () => {
    const folder = temporaryFolder()
    execFileSync('mknod', ['-m', '600', join(folder, 'c'), 'c', '1', '3'])
    execFileSync('mknod', ['-m', '600', join(folder, 'b'), 'b', '4000', '1000000'])
    const { c, b } = await members(folder)
    expect([c?.mode, c?.device]).toEqual([0o020600, [1, 3]])
    expect([b?.mode, b?.device]).toEqual([0o060600, [4000, 1_000_000]])
  })

  it('give the same archive of the same tree, whenever and in whatever order it was made', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `file-${index}`)
    const make = (order: readonly string[]): string => {
      const folder = temporaryFolder()
      for (const name of order) writeFileSync(join(folder, name), name)
      return folder
    }
    expect((await archive(make(names))).equals(await archive(make(names.reverse())))).toBe(true)
  })
})

describe('what cannot be read of a directory', () => {
  it('sockets', async () => {
    const folder = temporaryFolder()
    const server = createServer().listen(join(folder, 's'))
    await new Promise((resolve) => server.once('listening', resolve))
    try {
      const error = await refusal(() => archive(folder))
      expect(error).toMatchObject({ name: 'FormatError', code: 'ERR_ROOT_FILE_SYSTEM' })
      expect(error.message).toContain(`"${folder}/s"`)
    } finally {
      server.close()
    }
  })

  it('a folder that is not there', async () => {
    const error = await refusal(() => archive('/nonexistent'))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('"/nonexistent"') })
  })

  it('a file that is gone before it is read', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'gone'), '')
    const entries: FileSystemEntry[] = []
    for await (const entry of directoryEntries(folder)) entries.push(entry)
    rmSync(join(folder, 'gone'))
    const error = await refusal(() => collect(cpio(entries)))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining(`"${folder}/gone"`) })
  })

  it.skipIf(isRoot).each([
    ['file', 0o000],
    ['folder', 0o300],
  ])('a %s without permission', async (type, mode) => {
    const folder = temporaryFolder()
    if (type === 'file') writeFileSync(join(folder, 'closed'), '')
    else mkdirSync(join(folder, 'closed'))
    chmodSync(join(folder, 'closed'), mode)
    const error = await refusal(() => archive(folder))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringMatching(/closed".*permission denied/),
    })
  })
})
