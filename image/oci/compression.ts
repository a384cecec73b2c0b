/** How a layer is compressed: its media type says it (OCI image specification, layer.md; Docker's schema 2). */
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as zlib from 'node:zlib'
import { FormatError, NitroEnclaveError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'

const OCI = 'application/vnd.oci.image.layer.v1.tar'
const DOCKER = 'application/vnd.docker.image.rootfs.diff.tar'

type Compression = 'none' | 'gzip' | 'zstd'

const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  [OCI, 'none'],
  [`${OCI}+gzip`, 'gzip'],
  [`${OCI}+zstd`, 'zstd'],
  [DOCKER, 'none'],
  [`${DOCKER}.gzip`, 'gzip'],
  [`${DOCKER}.zstd`, 'zstd'],
])

/** Node 22.15 and newer have it; the types are of Node 20. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Duplex }

/**
 * Runs `body` on the uncompressed layer. Throws FormatError ERR_OCI_IMAGE for a media type that is not read and for
 * damaged compression, and what `body` throws.
 */
export async function uncompressed(
  mediaType: string,
  layer: AsyncIterable<Buffer>,
  body: (tar: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const compression = COMPRESSIONS.get(mediaType)
  if (compression === undefined) throw refused(`a layer of ${shown(mediaType)}, which is not read`)
  if (compression === 'none') return await body(layer)
  try {
    await pipeline(layer, decompressor(compression), body)
  } catch (error) {
    if (error instanceof NitroEnclaveError) throw error
    const { code = '' } = error as NodeJS.ErrnoException
    if (code.startsWith('Z_') || code.startsWith('ZSTD_'))
      throw refused(`a layer's ${compression} is damaged`)
    throw error
  }
}

function decompressor(compression: 'gzip' | 'zstd'): Duplex {
  if (compression === 'gzip') return zlib.createGunzip()
  if (createZstdDecompress) return createZstdDecompress()
  throw refused(
    `a layer is compressed by zstd, which Node ${process.versions.node} cannot read: use Node 22.15 or newer, or ` +
      'push the image with gzip (buildah push --compression-format gzip)',
  )
}

function refused(why: string): FormatError {
  return new FormatError('ERR_OCI_IMAGE', why)
}
