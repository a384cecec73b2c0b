import { describe, expect, it } from 'vitest'
import { layoutOf } from './layouts.js'
import { files, tree, whyNot } from './reading.js'
import type { TarMember } from './tar-archive.js'

const dir = (path: string): TarMember => ({ path, type: 'Directory', mode: 0o755 })
const file = (path: string, body = path): TarMember => ({ path, body })
const symlink = (path: string, linkpath: string): TarMember => ({ path, type: 'SymbolicLink', linkpath })
const link = (path: string, linkpath: string): TarMember => ({ path, type: 'Link', linkpath })

describe('the layers of an image', () => {
  it('are applied in order', async () => {
    expect(await tree([file('a', 'lower'), file('b', 'lower')], [file('a', 'upper')])).toEqual({
      a: 'upper',
      b: 'lower',
    })
  })

  it('keep type, mode, owner and device', async () => {
    const {
      su,
      dev,
      null: device,
      pipe,
      tmp,
    } = await files(
      layoutOf({
        layers: [
          [
            { path: 'su', mode: 0o4755, uid: 1000, gid: 2_000_000, body: 'elf' },
            { path: 'null', type: 'CharacterDevice', mode: 0o666, major: 1, minor: 3 },
            { path: 'dev', type: 'BlockDevice', mode: 0o660, major: 8, minor: 1, gid: 6 },
            { path: 'pipe', type: 'FIFO', mode: 0o600 },
            { path: 'tmp', type: 'Directory', mode: 0o1777 },
          ],
        ],
      }),
    )
    expect(su).toMatchObject({ mode: 0o104755, uid: 1000, gid: 2_000_000 })
    expect(device).toMatchObject({ mode: 0o020666, device: [1, 3] })
    expect(dev).toMatchObject({ mode: 0o060660, device: [8, 1], gid: 6 })
    expect(pipe).toMatchObject({ mode: 0o010600 })
    expect(tmp).toMatchObject({ mode: 0o041777 })
  })

  it('are taken from the root, with and without ./ and /', async () => {
    expect(await tree([dir('./'), dir('./a/'), file('./a/b'), file('/c'), file('a//d/.//e')])).toEqual({
      a: '/',
      'a/b': './a/b',
      'a/d': '/',
      'a/d/e': 'a//d/.//e',
      c: '/c',
    })
  })

  it('may leave directories to be guessed', async () => {
    const { a, 'a/b': b } = await files(
      layoutOf({ layers: [[file('a/b/c')], [{ ...dir('a'), mode: 0o700 }]] }),
    )
    expect([a?.mode, b?.mode]).toEqual([0o040700, 0o040755])
  })

  it('may be empty', async () => {
    expect(await tree([], [file('a')], [])).toEqual({ a: 'a' })
  })

  it('may hold large files', async () => {
    const body = Buffer.alloc(3_000_001, 'content')
    const { large, small } = await files(layoutOf({ layers: [[{ path: 'large', body }, file('small')]] }))
    expect(large?.content.equals(body)).toBe(true)
    expect(small?.content.toString()).toBe('small')
  })

  it.each([
    ['a long path', 'directory/'.repeat(30)],
    ['a path that is not ASCII', 'usr/share/ca-certificates/Főtanúsítvány/'],
    ['a long path that is not ASCII', 'ő/'.repeat(1000)],
  ])('may have %s', async (_, folder) => {
    const all = await files(layoutOf({ layers: [[file(`${folder}file`), symlink('link', `${folder}file`)]] }))
    const path = Buffer.from(`${folder}file`).toString('latin1')
    expect(all[path]?.content.toString()).toBe(`${folder}file`)
    expect(all.link?.content.toString()).toBe(`${folder}file`)
  })

  it("may have long paths in GNU's form", async () => {
    const path = `${'directory/'.repeat(30)}file`
    const long = { path: '././@LongLink', type: 'NextFileHasLongPath', body: `${path}\0`, pax: '' } as const
    expect(await tree([long, { path: path.slice(0, 99), body: 'content', pax: '' }])).toMatchObject({
      [path]: 'content',
    })
  })

  it('keep the targets of symbolic links as they are', async () => {
    expect(await tree([symlink('a', '/etc/../x'), symlink('b', '../..')])).toEqual({
      a: '/etc/../x',
      b: '../..',
    })
  })

  it('lose extended attributes, of any bytes', async () => {
    const pax = { 'SCHILY.xattr.security.capability': '\x01\0\n\xff' }
    expect(await tree([{ path: 'ping', body: 'elf', pax }])).toEqual({ ping: 'elf' })
  })

  it('may have a comment for all entries, as git archive writes it', async () => {
    const comment: TarMember = {
      path: 'pax_global_header',
      type: 'GlobalExtendedHeader',
      body: '16 comment=0123\n',
    }
    expect(await tree([comment, file('a')])).toEqual({ a: 'a' })
  })
})

describe('a whiteout', () => {
  const lower = [dir('d'), file('d/a'), file('d/b'), dir('d/e'), file('d/e/f'), file('g')]

  it('removes a file', async () => {
    expect(await tree(lower, [file('d/.wh.a', ''), file('.wh.g', '')])).toEqual({
      d: '/',
      'd/b': 'd/b',
      'd/e': '/',
      'd/e/f': 'd/e/f',
    })
  })

  it('removes a directory and all in it', async () => {
    expect(await tree(lower, [file('.wh.d', '')])).toEqual({ g: 'g' })
  })

  it('spares what its own layer adds, before it and after it', async () => {
    expect(await tree(lower, [file('d/a', 'new'), file('d/.wh.a', '')])).toMatchObject({ 'd/a': 'new' })
    expect(await tree(lower, [file('d/.wh.a', ''), file('d/a', 'new')])).toMatchObject({ 'd/a': 'new' })
    expect(await tree(lower, [file('d/new', 'new'), file('.wh.d', '')])).toEqual({
      d: '/',
      'd/new': 'new',
      g: 'g',
    })
  })

  it('of what is not there does nothing', async () => {
    expect(await tree([file('a')], [file('.wh.b', ''), file('x/y/.wh.z', ''), file('a/.wh.b', '')])).toEqual({
      a: 'a',
    })
  })

  it('is undone by a later layer', async () => {
    expect(await tree([file('a')], [file('.wh.a', '')], [file('a', 'again')])).toEqual({ a: 'again' })
  })

  it('makes a directory opaque: nothing of lower layers is left in it', async () => {
    expect(await tree(lower, [dir('d'), file('d/new', 'new'), file('d/.wh..wh..opq', '')])).toEqual({
      d: '/',
      'd/new': 'new',
      g: 'g',
    })
  })

  it('makes the root opaque', async () => {
    expect(await tree(lower, [file('.wh..wh..opq', ''), file('a')])).toEqual({ a: 'a' })
  })

  it('makes a directory opaque that was something else below', async () => {
    expect(await tree([symlink('d', 'e')], [dir('d'), file('d/.wh..wh..opq', ''), file('d/a')])).toEqual({
      d: '/',
      'd/a': 'd/a',
    })
  })
})

describe('what replaces something', () => {
  it('a file a directory, and all in it', async () => {
    expect(await tree([dir('a'), file('a/b')], [file('a', 'file')])).toEqual({ a: 'file' })
  })

  it('a directory a file', async () => {
    expect(await tree([file('a')], [dir('a'), file('a/b')])).toEqual({ a: '/', 'a/b': 'a/b' })
  })

  it('a directory a symbolic link', async () => {
    expect(await tree([symlink('a', 'b'), dir('b'), file('b/c')], [dir('a')])).toEqual({
      a: '/',
      b: '/',
      'b/c': 'b/c',
    })
  })

  it('a symbolic link a directory', async () => {
    expect(await tree([dir('a'), file('a/b')], [symlink('a', 'c')])).toEqual({ a: 'c' })
  })

  it('a directory only the attributes of a directory', async () => {
    const found = await files(
      layoutOf({ layers: [[dir('a'), file('a/b')], [{ ...dir('a'), mode: 0o700, uid: 7 }]] }),
    )
    expect(found).toMatchObject({ a: { mode: 0o040700, uid: 7 }, 'a/b': {} })
  })

  it('in one layer the later of two entries the earlier', async () => {
    expect(await tree([file('a', 'first'), file('a', 'second')])).toEqual({ a: 'second' })
  })
})

describe('a hard link', () => {
  it('has content and attributes of an earlier entry, in its own layer or below', async () => {
    const lower = { path: 'a', body: 'content', mode: 0o4711, uid: 5, gid: 6 }
    const all = await files(
      layoutOf({
        layers: [
          [lower, link('b', 'a')],
          [link('c', './a'), link('d/e', '/b')],
        ],
      }),
    )
    for (const path of ['b', 'c', 'd/e']) {
      expect(all[path]).toMatchObject({ mode: 0o104711, uid: 5, gid: 6, links: 1 })
      expect(all[path]?.content.toString()).toBe('content')
    }
  })

  it('keeps what it is when the other is replaced', async () => {
    expect(await tree([file('a', 'old'), link('b', 'a')], [file('a', 'new')])).toEqual({ a: 'new', b: 'old' })
    expect(await tree([file('a', 'old'), link('b', 'a')], [file('.wh.a', '')])).toEqual({ b: 'old' })
  })

  it('may be one to a symbolic link', async () => {
    expect(await tree([symlink('a', 'target'), link('b', 'a')])).toEqual({ a: 'target', b: 'target' })
  })

  it.each([
    ['to nothing', [link('b', 'a')]],
    ['to what comes later', [link('b', 'a'), file('a')]],
    ['to a directory', [dir('a'), link('b', 'a')]],
    ['to the root', [link('b', '/')]],
    ['out of the root', [link('b', '../../etc/shadow')]],
    ['through a symbolic link', [dir('d'), file('d/a'), symlink('s', 'd'), link('b', 's/a')]],
    ['with bytes of its own', [file('a'), { ...link('b', 'a'), body: 'x' }]],
  ])('%s is refused', async (_, layer) => {
    expect(await whyNot({ layers: [layer] })).toContain('"b"')
  })

  it('to what its own layer removes is refused', async () => {
    expect(await whyNot({ layers: [[file('a')], [file('.wh.a', ''), link('b', 'a')]] })).toContain('"b"')
  })
})

describe('a layer is refused', () => {
  const cases: [string, readonly TarMember[], RegExp][] = [
    ['for a path out of the root', [file('../etc/passwd')], /"\.\.\/etc\/passwd".*\.\./],
    ['for .. within a path', [file('a/../b')], /"a\/\.\.\/b".*\.\./],
    ['for .. in an extended header', [{ path: 'a', pax: { path: 'x/../../y' } }], /"x\/\.\.\/\.\.\/y".*\.\./],
    ['for an entry below a file', [file('a'), file('a/b')], /"a\/b".*"a", which is a file/],
    [
      'for an entry below a symbolic link',
      [symlink('a', '/etc'), file('a/b/c')],
      /"a\/b\/c".*"a", which is a symlink/,
    ],
    [
      'for a directory below a symbolic link',
      [symlink('a', '/etc'), dir('a/b')],
      /"a\/b".*"a", which is a symlink/,
    ],
    [
      'for a hard link below a symbolic link',
      [file('f'), symlink('a', '/'), link('a/b', 'f')],
      /"a\/b".*"a", which/,
    ],
    ['for a root that is a file', [file('.')], /the root is a file/],
    ['for a root that is a hard link', [file('a'), link('.', 'a')], /the root is a file/],
    ['for a whiteout of nothing', [file('a/.wh.', '')], /"a\/\.wh\.".*whiteout/],
    ['for a whiteout of ..', [file('a/.wh...', '')], /"a\/\.wh\.\.\.".*whiteout/],
    ['for what AUFS leaves', [dir('.wh..wh.plnk')], /"\.wh\.\.wh\.plnk".*whiteout/],
    ['for an entry in a whiteout', [file('.wh.a/b')], /"\.wh\.a\/b".*whiteout/],
    ['for a whiteout of overlayfs', [{ path: 'a', type: 'CharacterDevice' }], /"a".*0:0/],
    ['for a symbolic link with bytes', [{ ...symlink('a', 'b'), body: 'x' }], /"a".*1 bytes/],
    ['for a FIFO with bytes', [{ path: 'a', type: 'FIFO', body: 'x' }], /"a".*1 bytes/],
    [
      'for a name that is not UTF-8',
      [{ path: 'a', alter: (block) => block.writeUInt8(0xff, 0) }],
      /not UTF-8/,
    ],
    [
      'for a target that is not UTF-8',
      [{ ...symlink('a', 'b'), alter: (block) => block.writeUInt8(0xff, 157) }],
      /"a".*not UTF-8/,
    ],
    ['for a path of more than the kernel takes', [file('d/'.repeat(2047).concat('ff'))], /more than 4095/],
    [
      'for a name with a line break in an extended header',
      [{ path: 'a', pax: { path: 'x\ny' } }],
      /"a".*line break/,
    ],
    [
      'for a size for all entries',
      [{ path: 'g', type: 'GlobalExtendedHeader', body: '9 size=1\n' }, file('a')],
      /all entries/,
    ],
    ["for a sparse file in pax's form", [{ path: 'a', pax: { 'GNU.sparse.major': '1' } }], /"a".*sparse/],
    ["for a sparse file in GNU's form", [{ path: 'a', type: 'SparseFile' }], /"a".*SparseFile/],
    ['for a type of nobody', [{ path: 'a', alter: (block) => block.write('Q', 156) }], /"a".*not read/],
    [
      'for an extended header of more than a mebibyte',
      [{ path: 'a', pax: { comment: 'x'.repeat(1 << 20) } }],
      /ExtendedHeader/,
    ],
    ['for a wrong checksum', [file('a'), { path: 'b', body: Buffer.alloc(512, 1), size: 0 }], /checksum/],
    [
      'for a size that is no number',
      [{ path: 'a', body: 'x', alter: (b) => b.write('zzzzzzzzzzz', 124) }],
      /tar archive/,
    ],
  ]
  it.each(cases)('%s', async (_, layer, message) => {
    expect(await whyNot({ layers: [layer] })).toMatch(message)
  })

  it('for an entry below what a lower layer made a symbolic link', async () => {
    expect(await whyNot({ layers: [[symlink('lib', 'usr/lib')], [file('lib/x')]] })).toMatch(
      /"lib\/x".*"lib"/,
    )
  })

  it('when its text would drive a terminal, with a message that does not', async () => {
    expect(await whyNot({ layers: [[file('a\x1b[2J/../b')]] })).toContain('"a\\u{1b}[2J/../b"')
  })
})
