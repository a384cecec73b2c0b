/** OCI image layouts, for tests: right in all that a test does not make wrong. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { temporaryFolder } from '../../support/cli.js'
import { type TarMember, tarArchive } from './tar-archive.js'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: object
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Layer {
  /** Members of its archive, or the archive. */
  readonly tar: readonly TarMember[] | Buffer
  /** The blob; the archive compressed by gzip unless given. */
  readonly blob?: Buffer
  /** tar+gzip unless given. */
  readonly mediaType?: string
  readonly diffId?: string
}

export interface Image {
  readonly layers?: readonly (Layer | readonly TarMember[])[]
  readonly architecture?: string
  readonly os?: string
  readonly config?: object
  /** What the manifest and the config have besides, or instead. */
  readonly manifest?: object
  readonly imageConfig?: object
  readonly mediaTypes?: { readonly manifest?: string; readonly config?: string }
}

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX = 'application/vnd.oci.image.index.v1+json'
export const LAYER = 'application/vnd.oci.image.layer.v1.tar'
const CONFIG = 'application/vnd.oci.image.config.v1+json'

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** A layout that is being written. */
export class LayoutFolder {
  readonly path: string

  constructor() {
    this.path = temporaryFolder()
    mkdirSync(join(this.path, 'blobs/sha256'), { recursive: true })
    this.file('oci-layout', { imageLayoutVersion: '1.0.0' })
  }

  file(name: string, content: object | string): void {
    writeFileSync(join(this.path, name), typeof content === 'string' ? content : JSON.stringify(content))
  }

  blob(bytes: Uint8Array, mediaType: string): Descriptor {
    const digest = sha256(bytes)
    writeFileSync(this.blobPath(digest), bytes)
    return { mediaType, digest, size: bytes.length }
  }

  blobPath(digest: string): string {
    return join(this.path, 'blobs/sha256', digest.slice('sha256:'.length))
  }

  json(value: object, mediaType: string): Descriptor {
    return this.blob(Buffer.from(JSON.stringify(value)), mediaType)
  }

  image(image: Image): Descriptor {
    const layers = (image.layers ?? []).map((layer) => this.#layer('tar' in layer ? layer : { tar: layer }))
    const config = {
      created: '2026-01-31T12:00:00Z',
      architecture: image.architecture ?? 'amd64',
      os: image.os ?? 'linux',
      config: image.config ?? { Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: [{ created: '2026-01-31T12:00:00Z' }],
      ...image.imageConfig,
    }
    const manifest = {
      schemaVersion: 2,
      config: this.json(config, image.mediaTypes?.config ?? CONFIG),
      layers: layers.map(({ descriptor }) => descriptor),
      ...image.manifest,
    }
    return this.json(manifest, image.mediaTypes?.manifest ?? MANIFEST)
  }

  index(...manifests: readonly Descriptor[]): void {
    this.file('index.json', { schemaVersion: 2, manifests })
  }

  #layer(layer: Layer): { descriptor: Descriptor; diffId: string } {
    const tar = Buffer.isBuffer(layer.tar) ? layer.tar : tarArchive(layer.tar)
    const descriptor = this.blob(
      layer.blob ?? gzipSync(tar, { level: 1 }),
      layer.mediaType ?? `${LAYER}+gzip`,
    )
    return { descriptor, diffId: layer.diffId ?? sha256(tar) }
  }
}

/** The path of a layout with one image. */
export function layoutOf(image: Image): string {
  const folder = new LayoutFolder()
  folder.index(folder.image(image))
  return folder.path
}
