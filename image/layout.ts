/**
 * Where the sections of an enclave image stand, checked before anything is read at length: one after another from the
 * header to the end of the file, as both tables and the sections' own headers say.
 */
import { FormatError } from '../shared/errors.js'
import { type ByteSource, readExactly } from './byte-source.js'
import {
  type EifHeader,
  HEADER_LENGTH,
  parseHeader,
  parseSectionHeader,
  SECTION_HEADER_LENGTH,
  type SectionType,
} from './format.js'

export interface Section {
  readonly type: SectionType
  /** Its own 12 bytes. */
  readonly header: Uint8Array
  /** Where the content begins, and its bytes. */
  readonly offset: number
  readonly size: number
}

export interface Layout {
  readonly header: EifHeader
  /** All 548 bytes. */
  readonly headerBytes: Uint8Array
  /** In the order of the file. */
  readonly sections: readonly Section[]
  /** What no reader minds, and no correct writer leaves. */
  readonly warnings: readonly string[]
}

/** The version that brought a section. */
const SINCE: Readonly<Partial<Record<SectionType, number>>> = { signature: 3, metadata: 4 }

/** How a message calls it. */
export const SECTION_NAMES: Readonly<Record<SectionType, string>> = {
  kernel: 'kernel',
  commandLine: 'command line',
  ramdisk: 'ramdisk',
  signature: 'signature',
  metadata: 'metadata',
}

/**
 * Reads the header and the sections' headers. Throws FormatError ERR_EIF_MAGIC, ERR_EIF_VERSION, ERR_EIF_HEADER,
 * ERR_EIF_TRUNCATED, ERR_EIF_TRAILING_BYTES, ERR_EIF_SECTION.
 */
export async function readLayout(source: ByteSource): Promise<Layout> {
  const headerBytes = await readExactly(source, 0, Math.min(HEADER_LENGTH, source.size))
  const header = parseHeader(headerBytes)
  const sections: Section[] = []
  const warnings: string[] = []
  let position = HEADER_LENGTH
  for (const [index, slot] of header.sections.entries()) {
    const place = `section ${index + 1}`
    if (slot.offset !== BigInt(position)) {
      throw new FormatError(
        'ERR_EIF_HEADER',
        `${place} begins at byte ${slot.offset} by the header, and at ${position} by what stands before it`,
      )
    }
    const bytes = await readExactly(source, position, SECTION_HEADER_LENGTH)
    const { type, size } = parseSectionHeader(bytes, place)
    if (size !== slot.size) warnings.push(differentSize(place, type, size, slot.size))
    const left = source.size - position - SECTION_HEADER_LENGTH
    if (size > BigInt(left)) {
      throw new FormatError(
        'ERR_EIF_TRUNCATED',
        `${place}, a ${SECTION_NAMES[type]}, has ${size} bytes by its header, and ${left} are left in the file`,
      )
    }
    sections.push({ type, header: bytes, offset: position + SECTION_HEADER_LENGTH, size: Number(size) })
    position += SECTION_HEADER_LENGTH + Number(size)
  }
  if (position !== source.size) {
    throw new FormatError('ERR_EIF_TRAILING_BYTES', `${source.size - position} bytes after the last section`)
  }
  checkTypes(sections, header.version)
  if (!isUsualOrder(sections)) {
    warnings.push('the sections are not in the order kernel, command line, ramdisks')
  }
  return { header, headerBytes, sections, warnings }
}

/**
 * `nitro-cli sign-eif`, when it replaces a signature, leaves the size of the old one in the table (write_signature in
 * eif_signer.rs). Nothing else may differ from its own header.
 */
function differentSize(place: string, type: SectionType, own: bigint, table: bigint): string {
  if (type === 'signature') {
    return `the header's table gives the signature ${table} bytes, and it has ${own}: nitro-cli sign-eif leaves that`
  }
  throw new FormatError(
    'ERR_EIF_SECTION',
    `${place}, a ${SECTION_NAMES[type]}, has ${own} bytes by its own header, and ${table} by the file's`,
  )
}

function checkTypes(sections: readonly Section[], version: number): void {
  const count = (type: SectionType) => sections.filter((section) => section.type === type).length
  for (const type of ['kernel', 'commandLine'] as const) {
    if (count(type) !== 1) {
      throw new FormatError('ERR_EIF_SECTION', `${count(type)} ${SECTION_NAMES[type]} sections; it takes one`)
    }
  }
  if (count('ramdisk') === 0) throw new FormatError('ERR_EIF_SECTION', 'no ramdisk section; it takes one')
  for (const type of ['signature', 'metadata'] as const) {
    if (count(type) > 1) {
      throw new FormatError('ERR_EIF_SECTION', `${count(type)} ${type} sections; it takes one at most`)
    }
    if (count(type) === 1 && version < (SINCE[type] ?? 0)) {
      throw new FormatError(
        'ERR_EIF_SECTION',
        `a ${type} section in EIF version ${version}; they came with version ${SINCE[type]}`,
      )
    }
  }
}

/** The order in which every known writer lays what is measured. */
function isUsualOrder(sections: readonly Section[]): boolean {
  const measured = sections.filter(({ type }) => type !== 'metadata' && type !== 'signature')
  return measured[0]?.type === 'kernel' && measured[1]?.type === 'commandLine'
}
