import { existsSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { type Image, LAYER, type Layer, LayoutFolder, layoutOf, MANIFEST, sha256 } from './layouts.js'
import { files, read, whyNot } from './reading.js'
import { type TarMember, tarArchive } from './tar-archive.js'

const FILE: TarMember = { path: 'a', body: 'content' }
const TAR = tarArchive([FILE])
const DOCKER = 'application/vnd.docker.image.rootfs.diff.tar'

const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer }

const layer = (layer: Partial<Layer>): Image => ({ layers: [{ tar: TAR, ...layer }] })
const content = async (image: Image) => (await files(layoutOf(image))).a?.content.toString()

describe("an image's config", () => {
  const config = {
    Entrypoint: ['/bin/app', '--serve'],
    Cmd: ['8080'],
    Env: ['PATH=/bin', 'A=b=c'],
    WorkingDir: '/srv',
    User: 'app',
    Labels: { built: '2026-01-31T12:00:00Z' },
  }

  it('gives command, environment, working directory and user', async () => {
    expect(await read(layoutOf({ config }))).toMatchObject({
      command: ['/bin/app', '--serve', '8080'],
      env: ['PATH=/bin', 'A=b=c'],
      workingDirectory: '/srv',
      user: 'app',
    })
  })

  it.each([
    ['null', { Entrypoint: null, Cmd: null, Env: null, WorkingDir: '', User: '' }],
    ['absent', {}],
  ])('may have them %s', async (_, empty) => {
    expect(await read(layoutOf({ config: empty }))).toMatchObject({
      command: [],
      env: [],
      workingDirectory: undefined,
      user: undefined,
    })
  })

  it('is told as docker inspect does, without times', async () => {
    const { dockerInfo } = await read(layoutOf({ config }))
    const { Labels: _, ...told } = config
    expect(dockerInfo).toEqual({ Architecture: 'amd64', Os: 'linux', Config: told })
    expect(JSON.stringify(dockerInfo)).not.toContain('2026')
  })

  it.each([
    ['an entry point that is no list', { config: { Entrypoint: '/bin/sh' } }, /config\.Entrypoint/],
    ['an environment of numbers', { config: { Env: [1] } }, /config\.Env\.0/],
    ['no layers', { imageConfig: { rootfs: undefined } }, /rootfs/],
    [
      'another number of layers',
      { imageConfig: { rootfs: { type: 'layers', diff_ids: ['a', 'b'] } } },
      /0 layers.*2/,
    ],
    [
      'a file system that is no layers',
      { imageConfig: { rootfs: { type: 'blob', diff_ids: [] } } },
      /rootfs\.type/,
    ],
    ['another operating system', { os: 'windows' }, /windows.*Linux/],
    ['another architecture', { architecture: 'arm64' }, /arm64.*amd64/],
  ])('is refused for %s', async (_, image, message) => {
    expect(await whyNot(image)).toMatch(message)
  })
})

describe('a layer is read', () => {
  it.each([
    ['tar', layer({ blob: TAR, mediaType: LAYER })],
    ['tar+gzip', layer({ blob: zlib.gzipSync(TAR), mediaType: `${LAYER}+gzip` })],
    ["Docker's tar", layer({ blob: TAR, mediaType: DOCKER })],
    ["Docker's tar.gzip", layer({ blob: zlib.gzipSync(TAR), mediaType: `${DOCKER}.gzip` })],
    [
      'gzip in several members',
      layer({ blob: Buffer.concat([zlib.gzipSync(TAR.subarray(0, 700)), zlib.gzipSync(TAR.subarray(700))]) }),
    ],
    [
      'with more behind its end',
      {
        layers: [
          { tar: Buffer.concat([TAR, Buffer.alloc(512 * 1400), tarArchive([{ path: 'a', body: 'no' }])]) },
        ],
      },
    ],
    ['without its end', { layers: [{ tar: TAR.subarray(0, 1024) }] }],
  ])('%s', async (_, image) => {
    expect(await content(image)).toBe('content')
  })

  it.skipIf(zstdCompressSync === undefined)('tar+zstd', async () => {
    const blob = zstdCompressSync?.(TAR) ?? Buffer.alloc(0)
    expect(await content(layer({ blob, mediaType: `${LAYER}+zstd` }))).toBe('content')
    expect(await content(layer({ blob, mediaType: `${DOCKER}.zstd` }))).toBe('content')
    expect(await whyNot(layer({ blob: blob.subarray(0, -5), mediaType: `${LAYER}+zstd` }))).toBeTruthy()
    expect(await whyNot(layer({ blob: TAR, mediaType: `${LAYER}+zstd` }))).toMatch(/zstd is damaged/)
  })

  it.skipIf(zstdCompressSync !== undefined)(
    'tar+zstd not by this Node: the error says what to do',
    async () => {
      const why = await whyNot(layer({ blob: Buffer.from('28b52ffd', 'hex'), mediaType: `${LAYER}+zstd` }))
      expect(why).toMatch(/Node 22\.15.*--compression-format gzip/)
    },
  )
})

describe('a layer is refused', () => {
  const gzipped = zlib.gzipSync(TAR)
  const flipped = Buffer.from(gzipped)
  flipped.writeUInt8(flipped.readUInt8(gzipped.length - 7) ^ 1, gzipped.length - 7)
  it.each([
    ['when its gzip is cut off', layer({ blob: gzipped.subarray(0, -9) }), /gzip is damaged/],
    ['when its gzip is corrupt', layer({ blob: flipped }), /gzip is damaged/],
    ['when it is no gzip', layer({ blob: TAR }), /gzip is damaged/],
    ['when it is compressed in secret', layer({ blob: gzipped, mediaType: LAYER }), /is compressed/],
    ['when it is compressed twice', layer({ blob: zlib.gzipSync(gzipped) }), /is compressed/],
    ['when it is cut off', { layers: [{ tar: TAR.subarray(0, 600) }] }, /cut off/],
    ['when its last file is cut off', { layers: [{ tar: TAR.subarray(0, 512) }] }, /Truncated/],
    ['when it is no tar', { layers: [{ tar: Buffer.alloc(2048, 'no tar') }] }, /tar archive/],
    ['when it is nothing at all', { layers: [{ tar: Buffer.alloc(0) }] }, /tar archive/],
    ["when it is not the config's", layer({ diffId: sha256(Buffer.from('x')) }), /diff_id/],
    ['for its media type', layer({ mediaType: `${LAYER}+encrypted` }), /tar\+encrypted/],
  ])('%s', async (_, image, message) => {
    expect(await whyNot(image)).toMatch(message)
  })
})

describe('the first byte of a layer may come alone', () => {
  /** gzip with a name so long that only one byte of content is in the first piece that is read. */
  const gzipSlowly = (bytes: Buffer): Buffer => {
    const head = Buffer.concat([
      Buffer.from('1f8b0808000000000003', 'hex'),
      Buffer.alloc(262_144 - 10 - 8, 'n'),
    ])
    const first = zlib.deflateRawSync(bytes.subarray(0, 1), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    const rest = zlib.deflateRawSync(bytes.subarray(1))
    const trailer = Buffer.alloc(8)
    trailer.writeUInt32LE(zlib.crc32(bytes))
    trailer.writeUInt32LE(bytes.length, 4)
    return Buffer.concat([head, Buffer.alloc(1), first, rest, trailer])
  }

  it('of one that is right', async () => {
    expect(await content(layer({ blob: gzipSlowly(TAR) }))).toBe('content')
  })

  it('of one that is compressed twice', async () => {
    const tar = zlib.gzipSync(TAR)
    expect(await whyNot(layer({ tar, blob: gzipSlowly(tar) }))).toMatch(/is compressed/)
  })
})

describe('a blob is refused', () => {
  const damaged = (
    what: 'layers' | 'config' | 'manifest',
    how: (path: string, bytes: Buffer) => void,
  ): string => {
    const folder = new LayoutFolder()
    const manifest = folder.image({ layers: [[FILE]] })
    folder.index(manifest)
    const { layers, config } = JSON.parse(readFileSync(folder.blobPath(manifest.digest), 'utf8'))
    const { digest } = what === 'layers' ? layers[0] : what === 'config' ? config : manifest
    how(folder.blobPath(digest), readFileSync(folder.blobPath(digest)))
    return folder.path
  }
  const blobs = ['layers', 'config', 'manifest'] as const

  it.each(blobs)('when a bit of it is another: %s', async (what) => {
    for (const place of [0, 0.5, 1]) {
      const layout = damaged(what, (path, bytes) => {
        const at = Math.round((bytes.length - 1) * place)
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
        writeFileSync(path, bytes)
      })
      expect(await whyNot(layout)).toMatch(/sha256:[0-9a-f]{64} has another digest/)
    }
  })

  it.each(blobs)('when it is shorter or longer: %s', async (what) => {
    expect(await whyNot(damaged(what, (path, bytes) => truncateSync(path, bytes.length - 1)))).toMatch(
      /bytes, not \d+/,
    )
    expect(await whyNot(damaged(what, (path) => writeFileSync(path, '\n', { flag: 'a' })))).toMatch(
      /bytes, not \d+/,
    )
  })

  it.each(blobs)('when it is missing: %s', async (what) => {
    const error = await refusal(() => read(damaged(what, (path) => rmSync(path))))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringMatching(/blobs\/sha256.*no such file/),
    })
  })

  it.each([
    ['../../../etc/passwd', /digest/],
    ['sha256:../../../../../etc/passwd', /digest/],
    [`sha256:${'A'.repeat(64)}`, /digest/],
    [`sha512:${'a'.repeat(128)}`, /only digests of the form sha256/],
  ])('when its digest is %s', async (digest, message) => {
    const folder = new LayoutFolder()
    folder.index({ mediaType: MANIFEST, digest, size: 10 })
    expect(await whyNot(folder.path)).toMatch(message)
  })

  it('when it is JSON of more than 4 MiB', async () => {
    const folder = new LayoutFolder()
    folder.index(folder.blob(Buffer.alloc(4 * 1024 * 1024 + 1, ' '), MANIFEST))
    expect(await whyNot(folder.path)).toMatch(/manifest has 4194305 bytes/)
  })

  it.each([
    ['no JSON', '{'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['JSON of great depth', '['.repeat(1_000_000)],
    ['another value', 'null'],
    ['another version', '{"schemaVersion":1,"layers":[]}'],
  ])('when the manifest is %s', async (_, text) => {
    const folder = new LayoutFolder()
    folder.index(folder.blob(Buffer.from(text), MANIFEST))
    expect(await whyNot(folder.path)).toMatch(/^manifest sha256:/)
  })
})

describe("an image's limits", () => {
  const image: Image = { layers: [[FILE, { path: 'b/c/d', body: 'x'.repeat(5000) }], [{ path: '.wh.a' }]] }

  it.each([
    // Three headers, and two directories that nobody names.
    ['entries', { entries: 4 }, { entries: 5 }, /more than 4 entries/],
    // Blocks of 512: a header and a body, a header and ten of body, twice two at the end, a header.
    ['bytes', { bytes: 9215 }, { bytes: 9216 }, /more than 9215 bytes/],
    ['bytes of paths', { pathBytes: 10 }, { pathBytes: 11 }, /paths of more than 10 bytes/],
  ])('%s', async (_, tooFew, enough, message) => {
    const layout = layoutOf(image)
    expect(await whyNot(layout, { limits: tooFew })).toMatch(message)
    await read(layout, { limits: enough })
  })

  it('stop a gzip that unpacks to far more than it is', async () => {
    const tar = tarArchive([{ path: 'zeros', body: Buffer.alloc(50_000_000) }])
    const folder = temporaryFolder()
    const layout = layoutOf({ layers: [{ tar }] })
    expect(await whyNot(layout, { folder, limits: { bytes: 1_000_000 } })).toMatch(/more than 1000000 bytes/)
    expect(readFileSync(join(folder, 'layer-0')).length).toBeLessThan(1_100_000)
  })
})

describe('what an image leaves', () => {
  it('lies in files of numbers, and nothing outside the folder', async () => {
    const folder = temporaryFolder()
    await read(layoutOf({ layers: [[FILE], [{ path: '/etc/evil', body: 'x' }]] }), { folder })
    expect(readFileSync(join(folder, 'layer-0'), 'utf8')).toBe('content')
    expect(readFileSync(join(folder, 'layer-1'), 'utf8')).toBe('x')
  })

  it('is an error that names the folder when that is not there', async () => {
    const error = await refusal(() => read(layoutOf({ layers: [[FILE]] }), { folder: '/nonexistent' }))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining('/nonexistent/layer-0'),
    })
  })

  it.skipIf(!existsSync('/dev/full'))('is an error that names the file when the disk is full', async () => {
    const folder = temporaryFolder()
    symlinkSync('/dev/full', join(folder, 'layer-0'))
    const error = await refusal(() => read(layoutOf({ layers: [[FILE]] }), { folder }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringMatching(/layer-0: no space/) })
  })
})
