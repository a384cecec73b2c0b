/**
 * A container image as a root file system: an OCI image layout (OCI image specification 1.1, image-layout.md), which is
 * what `buildah push IMAGE oci:DIR`, `skopeo copy … oci:DIR` and an unpacked `docker save` leave.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { FormatError } from '../../shared/errors.js'
import type { Architecture } from '../format.js'
import type { FileSystemEntry } from '../root/file-system-entry.js'
import { withBlob } from './blob.js'
import { uncompressed } from './compression.js'
import { readLayer } from './layer.js'
import { createLayeredTree, type LayerChange } from './layered-tree.js'
import { type Budget, createBudget, type OciLimits } from './limits.js'
import { selectImage } from './manifest.js'
import type { Descriptor, OciConfig } from './schemas.js'
import { createSpool } from './spool.js'

export interface OciImageOptions {
  /** The layout's directory. */
  readonly layout: string
  /** Which image is meant, where there are several; any other is refused. */
  readonly architecture: Architecture
  /** Gets the files' contents, as `layer-0`, `layer-1` and so on; they are needed as long as `entries` are. */
  readonly folder: string
  readonly limits?: OciLimits
}

export interface OciImage {
  /** In no order, without the root. */
  entries(): Iterable<FileSystemEntry>
  /** Entrypoint, then Cmd. */
  readonly command: readonly string[]
  readonly env: readonly string[]
  readonly workingDirectory: string | undefined
  readonly user: string | undefined
  /** What `docker inspect` says of the image, without times and without what depends on them. */
  readonly dockerInfo: object
}

/**
 * Verifies each blob's size and digest, and applies the layers in order. Throws FormatError ERR_OCI_IMAGE, UsageError
 * ERR_USAGE when a file cannot be read or written.
 */
export async function readOciImage(options: OciImageOptions): Promise<OciImage> {
  const { layout, architecture, folder, limits } = options
  const { manifest, config } = await selectImage(layout, architecture)
  const diffIds = config.rootfs.diff_ids ?? []
  if (diffIds.length !== manifest.layers.length)
    throw refused(`the image has ${manifest.layers.length} layers, and its config names ${diffIds.length}`)
  const budget = createBudget(limits)
  const tree = createLayeredTree(() => budget.entry())
  for (const [index, descriptor] of manifest.layers.entries()) {
    const spool = join(folder, `layer-${index}`)
    tree.apply(await layerChanges(layout, descriptor, diffIds[index] ?? '', spool, budget))
  }
  return { ...configured(config), entries: () => tree.entries() }
}

async function layerChanges(
  layout: string,
  descriptor: Descriptor,
  diffId: string,
  spoolFile: string,
  budget: Budget,
): Promise<readonly LayerChange[]> {
  const spool = await createSpool(spoolFile)
  try {
    let changes: readonly LayerChange[] = []
    const hash = createHash('sha256')
    await withBlob(layout, descriptor, (blob) =>
      uncompressed(descriptor.mediaType, blob, async (tar) => {
        changes = await readLayer(hashed(tar, hash), spool, budget)
      }),
    )
    if (`sha256:${hash.digest('hex')}` !== diffId)
      throw refused(`layer ${descriptor.digest} is not the one that the config names by its diff_id`)
    return changes
  } finally {
    await spool.close()
  }
}

async function* hashed(
  chunks: AsyncIterable<Buffer>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

function configured({ architecture, os, config }: OciConfig): Omit<OciImage, 'entries'> {
  const { Entrypoint, Cmd, Env, WorkingDir, User } = config ?? {}
  return {
    command: [...(Entrypoint ?? []), ...(Cmd ?? [])],
    env: Env ?? [],
    workingDirectory: WorkingDir || undefined,
    user: User || undefined,
    dockerInfo: {
      Architecture: architecture,
      Os: os,
      Config: {
        Entrypoint: Entrypoint ?? null,
        Cmd: Cmd ?? null,
        Env: Env ?? [],
        WorkingDir: WorkingDir ?? '',
        User: User ?? '',
      },
    },
  }
}

function refused(why: string): FormatError {
  return new FormatError('ERR_OCI_IMAGE', why)
}
