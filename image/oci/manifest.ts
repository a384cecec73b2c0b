/** Which image of an OCI layout is meant: the only one, or the only one for the architecture. */
import { FormatError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'
import type { Architecture } from '../format.js'
import { readJsonBlob, readLayoutJson } from './blob.js'
import {
  configSchema,
  type Descriptor,
  indexSchema,
  layoutSchema,
  manifestSchema,
  type OciConfig,
  type OciIndex,
  type OciManifest,
} from './schemas.js'

const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]
const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]
const CONFIGS = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']

/** GOARCH names (config.md). */
const PLATFORMS: Readonly<Record<Architecture, string>> = { x86_64: 'amd64', aarch64: 'arm64' }

/** Indexes in indexes, and images that are looked at. */
const MAX_DEPTH = 4
const MAX_IMAGES = 1000
/** Images that a message lists. */
const MAX_LISTED = 20

export interface SelectedImage {
  readonly manifest: OciManifest
  readonly config: OciConfig
}

/** Throws FormatError ERR_OCI_IMAGE, which lists the images when more than one is meant; UsageError ERR_USAGE. */
export async function selectImage(layout: string, architecture: Architecture): Promise<SelectedImage> {
  await readLayoutJson(layout, 'oci-layout', layoutSchema)
  const index = await readLayoutJson(layout, 'index.json', indexSchema)
  // Names of one image are one image.
  const descriptors = new Map<string, Descriptor>()
  for await (const found of manifestsOf(layout, index, 0)) {
    descriptors.set(found.digest, found)
    if (descriptors.size > MAX_IMAGES) throw refused(`${layout} holds more than ${MAX_IMAGES} images`)
  }
  const image = await readImage(layout, await choose(layout, [...descriptors.values()], architecture))
  const { os, architecture: actual } = image.config
  if (os !== 'linux') throw refused(`the image is for ${shown(os)}; an enclave runs Linux`)
  if (actual !== PLATFORMS[architecture])
    throw refused(
      `the image is for ${shown(actual)}, the kernel for ${PLATFORMS[architecture]}: build the image for that, or name the other blobs`,
    )
  return image
}

async function* manifestsOf(layout: string, index: OciIndex, depth: number): AsyncGenerator<Descriptor> {
  if (depth > MAX_DEPTH) throw refused(`${layout} has indexes in indexes, more than ${MAX_DEPTH} deep`)
  for (const descriptor of index.manifests) {
    if (INDEXES.includes(descriptor.mediaType)) {
      const inner = await readJsonBlob(layout, descriptor, indexSchema, 'index')
      yield* manifestsOf(layout, inner, depth + 1)
    } else if (MANIFESTS.includes(descriptor.mediaType) && !isAttestation(descriptor)) yield descriptor
  }
}

/** BuildKit puts its provenance beside the images, in manifests of their own. */
function isAttestation({ platform }: Descriptor): boolean {
  return platform?.os === 'unknown'
}

async function choose(
  layout: string,
  descriptors: readonly Descriptor[],
  architecture: Architecture,
): Promise<Descriptor> {
  const [only] = descriptors
  if (only === undefined) throw refused(`${layout} holds no image`)
  if (descriptors.length === 1) return only
  const choices: { readonly descriptor: Descriptor; readonly platform: string }[] = []
  for (const descriptor of descriptors) {
    const { os, architecture } = descriptor.platform ?? (await readImage(layout, descriptor)).config
    choices.push({ descriptor, platform: `${os}/${architecture}` })
  }
  const matching = choices.filter(({ platform }) => platform === `linux/${PLATFORMS[architecture]}`)
  const [first] = matching
  if (first !== undefined && matching.length === 1) return first.descriptor
  const listed = choices.slice(0, MAX_LISTED).map(({ descriptor, platform }) => {
    const name = descriptor.annotations?.['org.opencontainers.image.ref.name']
    return `${shown(platform)}${name === undefined ? '' : ` ${shown(name)}`} ${descriptor.digest}`
  })
  throw refused(
    `${layout} holds ${choices.length} images, and ${matching.length} for linux/${PLATFORMS[architecture]}: ` +
      `${listed.join(', ')}${choices.length > MAX_LISTED ? ', …' : ''}. ` +
      'Copy the one that is meant to a layout of its own: skopeo copy oci:DIR:NAME oci:OTHER',
  )
}

async function readImage(layout: string, descriptor: Descriptor): Promise<SelectedImage> {
  const manifest = await readJsonBlob(layout, descriptor, manifestSchema, 'manifest')
  if (!CONFIGS.includes(manifest.config.mediaType))
    throw refused(`manifest ${descriptor.digest} is of ${shown(manifest.config.mediaType)}, not of an image`)
  const config = await readJsonBlob(layout, manifest.config, configSchema, 'config')
  return { manifest, config }
}

function refused(why: string): FormatError {
  return new FormatError('ERR_OCI_IMAGE', why)
}
