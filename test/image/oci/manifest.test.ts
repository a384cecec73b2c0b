import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { refusal } from '../../support/errors.js'
import { type Descriptor, INDEX, LayoutFolder } from './layouts.js'
import { read, whyNot } from './reading.js'

const named = (descriptor: Descriptor, name: string): Descriptor => ({
  ...descriptor,
  annotations: { 'org.opencontainers.image.ref.name': name },
})
const on = (descriptor: Descriptor, architecture: string, os = 'linux'): Descriptor => ({
  ...descriptor,
  platform: { architecture, os },
})

/** A folder, and images that differ in their command. */
function withImages() {
  const folder = new LayoutFolder()
  const image = (command: string, architecture = 'amd64'): Descriptor =>
    folder.image({ config: { Cmd: [command] }, architecture })
  const nested = (...manifests: readonly Descriptor[]): Descriptor =>
    folder.json({ schemaVersion: 2, mediaType: INDEX, manifests }, INDEX)
  return { folder, image, nested }
}

const chosen = async (folder: LayoutFolder, architecture: 'x86_64' | 'aarch64' = 'x86_64') =>
  (await read(folder.path, { architecture })).command

describe('of the images in a layout', () => {
  it('the only one is read', async () => {
    const { folder, image } = withImages()
    folder.index(image('a'))
    expect(await chosen(folder)).toEqual(['a'])
  })

  it('one under several names is one', async () => {
    const { folder, image } = withImages()
    folder.index(named(image('a'), 'latest'), named(image('a'), 'v1'))
    expect(await chosen(folder)).toEqual(['a'])
  })

  it('the one for the architecture is read, as the index tells it', async () => {
    const { folder, image } = withImages()
    folder.index(on(image('a'), 'amd64'), on(image('b', 'arm64'), 'arm64'))
    expect(await chosen(folder)).toEqual(['a'])
    expect(await chosen(folder, 'aarch64')).toEqual(['b'])
  })

  it('the one for the architecture is read, as the images tell it', async () => {
    const { folder, image } = withImages()
    folder.index(image('a'), image('b', 'arm64'))
    expect(await chosen(folder, 'aarch64')).toEqual(['b'])
  })

  it('one in an index in the index is read, and the others need not be there', async () => {
    const { folder, image, nested } = withImages()
    const other = on(image('b', 'arm64'), 'arm64')
    folder.index(nested(on(image('a'), 'amd64'), other))
    rmSync(folder.blobPath(other.digest))
    expect(await chosen(folder)).toEqual(['a'])
  })

  it("BuildKit's attestations are none", async () => {
    const { folder, image } = withImages()
    const attestation = on(image('b'), 'unknown', 'unknown')
    folder.index(on(image('a', 'arm64'), 'arm64'), attestation)
    expect(await chosen(folder, 'aarch64')).toEqual(['a'])
    expect(await whyNot(folder.path)).toMatch(/the image is for "arm64"/)
  })

  it("Docker's are read, too", async () => {
    const folder = new LayoutFolder()
    const mediaTypes = {
      manifest: 'application/vnd.docker.distribution.manifest.v2+json',
      config: 'application/vnd.docker.container.image.v1+json',
    }
    const list = 'application/vnd.docker.distribution.manifest.list.v2+json'
    folder.index(folder.json({ schemaVersion: 2, manifests: [folder.image({ mediaTypes })] }, list))
    expect(await chosen(folder)).toEqual(['/bin/true'])
  })
})

describe('a layout is refused', () => {
  it('with several images for the architecture: they are listed, and what to do', async () => {
    const { folder, image } = withImages()
    const [a, b] = [named(image('a'), 'one'), named(image('b'), 'two\x1b[0m')]
    folder.index(a, b, image('c', 'arm64'))
    const why = await whyNot(folder.path)
    expect(why).toMatch(/3 images, and 2 for linux\/amd64/)
    expect(why).toContain(`"linux/amd64" "one" ${a.digest}`)
    expect(why).toContain(`"linux/amd64" "two\\u{1b}[0m" ${b.digest}`)
    expect(why).toContain('"linux/arm64" sha256:')
    expect(why).toContain('skopeo copy')
  })

  it('with several images, none for the architecture', async () => {
    const { folder, image } = withImages()
    folder.index(on(image('a', 'arm64'), 'arm64'), on(image('b', 's390x'), 's390x'))
    expect(await whyNot(folder.path)).toMatch(/2 images, and 0 for linux\/amd64/)
  })

  it('with the image of another architecture', async () => {
    const { folder, image } = withImages()
    folder.index(image('a', 'arm64'))
    expect(await whyNot(folder.path)).toMatch(/"arm64", the kernel for amd64/)
  })

  it('with an index that lies about an architecture', async () => {
    const { folder, image } = withImages()
    folder.index(on(image('a', 'arm64'), 'amd64'), on(image('b', 'arm64'), 'arm64'))
    expect(await whyNot(folder.path)).toMatch(/"arm64", the kernel for amd64/)
  })

  it('without an image', async () => {
    const { folder } = withImages()
    folder.index()
    expect(await whyNot(folder.path)).toMatch(/holds no image/)
  })

  it('with something that is no image', async () => {
    const folder = new LayoutFolder()
    folder.index(folder.image({ mediaTypes: { config: 'application/vnd.example.chart+json' } }))
    expect(await whyNot(folder.path)).toMatch(/vnd\.example\.chart/)
  })

  it('with indexes in indexes without end', async () => {
    const { folder, image, nested } = withImages()
    let inner = image('a')
    for (let depth = 0; depth < 5; depth += 1) inner = nested(inner)
    folder.index(inner)
    expect(await whyNot(folder.path)).toMatch(/more than 4 deep/)
  })

  it('with more images than anybody makes', async () => {
    const folder = new LayoutFolder()
    const descriptor = folder.image({})
    const digest = (index: number) => `sha256:${String(index).padStart(64, '0')}`
    folder.index(...Array.from({ length: 1001 }, (_, index) => ({ ...descriptor, digest: digest(index) })))
    expect(await whyNot(folder.path)).toMatch(/more than 1000 images/)
  })

  it('of another version', async () => {
    const { folder, image } = withImages()
    folder.index(image('a'))
    folder.file('oci-layout', { imageLayoutVersion: '2.0.0' })
    expect(await whyNot(folder.path)).toMatch(/oci-layout, imageLayoutVersion/)
  })

  it('without an index', async () => {
    const error = await refusal(() => read(new LayoutFolder().path))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('index.json') })
  })

  it.each([
    ['no JSON', 'no JSON'],
    ['no list', { schemaVersion: 2, manifests: {} }],
    ['of no descriptors', { schemaVersion: 2, manifests: ['sha256'] }],
    [
      'of a size that is none',
      { schemaVersion: 2, manifests: [{ mediaType: 'a', digest: `sha256:${'0'.repeat(64)}`, size: -1 }] },
    ],
    ['too long', ' '.repeat(4 * 1024 * 1024 + 1)],
  ])('with an index that is %s', async (_, index) => {
    const folder = new LayoutFolder()
    folder.file('index.json', index)
    expect(await whyNot(folder.path)).toContain(join(folder.path, 'index.json'))
  })
})
