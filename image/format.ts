/**
 * The enclave image file: a header of 548 bytes, then sections, each behind a header of 12 bytes. Every number is
 * big-endian. Source: aws-nitro-enclaves-image-format, src/defs (EifHeader, EifSectionHeader), version 4.
 */
import { FormatError } from '../shared/errors.js'

export const HEADER_LENGTH = 548
export const SECTION_HEADER_LENGTH = 12
/** Slots of the two tables in the header. */
export const MAX_SECTIONS = 32
/** What version wrote a CRC first, and what is written here. */
export const OLDEST_VERSION = 2
export const CURRENT_VERSION = 4

const MAGIC = Buffer.from('.eif')
const ARM64 = 0x1

/** Where the header's fields begin. */
const VERSION = 4
const FLAGS = 6
const DEFAULT_MEMORY = 8
const DEFAULT_CPUS = 16
const SECTION_COUNT = 26
const OFFSETS = 28
const SIZES = OFFSETS + 8 * MAX_SECTIONS
/** The last field: everything before it, and everything after the header, is in the checksum. */
export const CRC = HEADER_LENGTH - 4

export type Architecture = 'x86_64' | 'aarch64'
export type SectionType = 'kernel' | 'commandLine' | 'ramdisk' | 'signature' | 'metadata'

/** EifSectionType; 0 is invalid by definition. */
const SECTION_TYPES: Readonly<Record<SectionType, number>> = {
  kernel: 1,
  commandLine: 2,
  ramdisk: 3,
  signature: 4,
  metadata: 5,
}

export interface EifHeader {
  readonly version: number
  readonly architecture: Architecture
  /** Bytes of memory, and CPUs, for whoever starts the image and names none. */
  readonly defaultMemory: bigint
  readonly defaultCpus: bigint
  /** Of each section: where its header begins, and the bytes of its content. */
  readonly sections: readonly { readonly offset: bigint; readonly size: bigint }[]
  readonly crc32: number
}

export interface SectionHeader {
  readonly type: SectionType
  /** Bytes of the content, without this header. */
  readonly size: bigint
}

/**
 * Reads the header. Slots that no section uses, and the fields named reserved and unused, are not looked at: they
 * decide nothing, and the checksum covers them. Throws FormatError ERR_EIF_MAGIC, ERR_EIF_TRUNCATED, ERR_EIF_VERSION,
 * ERR_EIF_HEADER.
 */
export function parseHeader(bytes: Uint8Array): EifHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const start = buffer.subarray(0, MAGIC.length)
  if (!MAGIC.subarray(0, start.length).equals(start)) {
    throw new FormatError('ERR_EIF_MAGIC', 'not an enclave image file: it does not begin with ".eif"')
  }
  if (buffer.length < HEADER_LENGTH) {
    throw new FormatError(
      'ERR_EIF_TRUNCATED',
      `the file ends after ${buffer.length} bytes; an EIF header has ${HEADER_LENGTH}`,
    )
  }
  const version = buffer.readUInt16BE(VERSION)
  if (version < OLDEST_VERSION || version > CURRENT_VERSION) {
    throw new FormatError(
      'ERR_EIF_VERSION',
      `EIF version ${version}; versions ${OLDEST_VERSION} to ${CURRENT_VERSION} are read`,
    )
  }
  const flags = buffer.readUInt16BE(FLAGS)
  if ((flags & ~ARM64) !== 0) {
    const unknown = (flags & ~ARM64).toString(16)
    throw new FormatError('ERR_EIF_HEADER', `unknown flags 0x${unknown} in the EIF header`)
  }
  const count = buffer.readUInt16BE(SECTION_COUNT)
  if (count < 2 || count > MAX_SECTIONS) {
    throw new FormatError('ERR_EIF_HEADER', `${count} sections by the EIF header; it can have 2 to 32`)
  }
  return {
    version,
    architecture: flags & ARM64 ? 'aarch64' : 'x86_64',
    defaultMemory: buffer.readBigUInt64BE(DEFAULT_MEMORY),
    defaultCpus: buffer.readBigUInt64BE(DEFAULT_CPUS),
    sections: Array.from({ length: count }, (_, index) => ({
      offset: buffer.readBigUInt64BE(OFFSETS + 8 * index),
      size: buffer.readBigUInt64BE(SIZES + 8 * index),
    })),
    crc32: buffer.readUInt32BE(CRC),
  }
}

/** Writes the header, at most 32 sections. */
export function writeHeader(header: EifHeader): Buffer {
  const buffer = Buffer.alloc(HEADER_LENGTH)
  MAGIC.copy(buffer)
  buffer.writeUInt16BE(header.version, VERSION)
  buffer.writeUInt16BE(header.architecture === 'aarch64' ? ARM64 : 0, FLAGS)
  buffer.writeBigUInt64BE(header.defaultMemory, DEFAULT_MEMORY)
  buffer.writeBigUInt64BE(header.defaultCpus, DEFAULT_CPUS)
  buffer.writeUInt16BE(header.sections.length, SECTION_COUNT)
  for (const [index, { offset, size }] of header.sections.entries()) {
    buffer.writeBigUInt64BE(offset, OFFSETS + 8 * index)
    buffer.writeBigUInt64BE(size, SIZES + 8 * index)
  }
  buffer.writeUInt32BE(header.crc32, CRC)
  return buffer
}

/**
 * Reads the 12 bytes before a section's content; their flags are nobody's. `place` names the section in a message.
 * Throws FormatError ERR_EIF_SECTION.
 */
export function parseSectionHeader(bytes: Uint8Array, place: string): SectionHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, SECTION_HEADER_LENGTH)
  const number = buffer.readUInt16BE(0)
  const types = Object.keys(SECTION_TYPES) as SectionType[]
  const type = types.find((name) => SECTION_TYPES[name] === number)
  if (type === undefined) throw new FormatError('ERR_EIF_SECTION', `${place} is of unknown type ${number}`)
  return { type, size: buffer.readBigUInt64BE(4) }
}

export function writeSectionHeader({ type, size }: SectionHeader): Buffer {
  const buffer = Buffer.alloc(SECTION_HEADER_LENGTH)
  buffer.writeUInt16BE(SECTION_TYPES[type], 0)
  buffer.writeBigUInt64BE(size, 4)
  return buffer
}
