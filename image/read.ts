/** One pass over an enclave image: its checksum, its measurements, and the small sections themselves. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type FormatCode, FormatError } from '../shared/errors.js'
import { type ByteSource, pieces } from './byte-source.js'
import { CRC, type EifHeader, type SectionType } from './format.js'
import { readLayout, SECTION_NAMES, type Section } from './layout.js'
import { type Measurements, Measurer } from './measure.js'

/** Sections that are kept, up to so many bytes; whatever is larger is refused. */
const KEPT: Readonly<Partial<Record<SectionType, { readonly most: number; readonly code: FormatCode }>>> = {
  commandLine: { most: 64 * 1024, code: 'ERR_EIF_SECTION' },
  metadata: { most: 1024 * 1024, code: 'ERR_EIF_METADATA' },
  signature: { most: 1024 * 1024, code: 'ERR_EIF_SIGNATURE' },
}

export interface ReadOptions {
  /** Compute a digest of each section, too. */
  readonly digests?: boolean
  /** Called after every piece of a mebibyte or less: bytes read, bytes in all. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface ReadSection {
  readonly type: SectionType
  /** Bytes of its content. */
  readonly size: number
  /** SHA-384 of the content, in hex, where it was asked for. */
  readonly digest?: string
}

export interface EifContents {
  readonly header: EifHeader
  readonly sections: readonly ReadSection[]
  readonly commandLine: Uint8Array
  readonly metadata: Uint8Array | undefined
  readonly signature: Uint8Array | undefined
  /** Without PCR8: the signature is not understood here. */
  readonly measurements: Measurements
  /** Whether the header's checksum is that of this file. */
  readonly crcMatches: boolean
  readonly warnings: readonly string[]
}

/**
 * Reads a whole image in a few mebibytes of memory. Throws FormatError ERR_EIF_*, of which ERR_EIF_METADATA and
 * ERR_EIF_SIGNATURE only say that the section is too large: neither is understood here.
 */
export async function readEif(source: ByteSource, options: ReadOptions = {}): Promise<EifContents> {
  const { header, headerBytes, sections, warnings } = await readLayout(source)
  for (const section of sections) checkSize(section)
  const measurer = new Measurer()
  const kept = new Map<SectionType, Uint8Array>()
  const read: ReadSection[] = []
  let crc = crc32(headerBytes.subarray(0, CRC))
  for (const { type, header: own, offset, size } of sections) {
    crc = crc32(own, crc)
    const measure = measurer.section(type)
    const hash = options.digests ? createHash('sha384') : undefined
    const content = KEPT[type] ? Buffer.alloc(size) : undefined
    let filled = 0
    for await (const piece of pieces(source, offset, size)) {
      crc = crc32(piece, crc)
      measure(piece)
      hash?.update(piece)
      content?.set(piece, filled)
      filled += piece.length
      options.onProgress?.(offset + filled, source.size)
    }
    if (content !== undefined) kept.set(type, content)
    read.push({ type, size, ...(hash && { digest: hash.digest('hex') }) })
  }
  return {
    header,
    sections: read,
    commandLine: kept.get('commandLine') ?? new Uint8Array(),
    metadata: kept.get('metadata'),
    signature: kept.get('signature'),
    measurements: measurer.finish(),
    crcMatches: crc === header.crc32,
    warnings,
  }
}

function checkSize({ type, size }: Section): void {
  const limit = KEPT[type]
  if (limit !== undefined && size > limit.most) {
    throw new FormatError(
      limit.code,
      `a ${SECTION_NAMES[type]} of ${size} bytes; at most ${limit.most} are read`,
    )
  }
}
