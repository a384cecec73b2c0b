/**
 * Builds an enclave image from a kernel, a command line and ramdisks, as nitro-cli's own builder lays it. Source:
 * aws-nitro-enclaves-image-format, utils/mod.rs (EifBuilder), EIF v4.
 */
import { createRequire } from 'node:module'
import { crc32 } from 'node:zlib'
import { UsageError } from '../shared/errors.js'
import { buildTimeText } from './build-time.js'
import { commandLineBytes } from './command-line.js'
import { combineCrc32 } from './crc32.js'
import {
  type Architecture,
  CRC,
  CURRENT_VERSION,
  type EifHeader,
  HEADER_LENGTH,
  MAX_SECTIONS,
  type SectionType,
  writeHeader,
  writeSectionHeader,
} from './format.js'
import { type InputFile, openInput } from './input-file.js'
import { kernelVersion } from './kernel-version.js'
import { type Measurements, Measurer, measureCertificate } from './measure.js'
import { isObject, writeMetadata } from './metadata.js'
import { existingOutput, type OutputFile, writeWhole } from './output-file.js'
import { createSigner, type Signer, type Signing } from './signer.js'

export interface BuildEifOptions {
  /** Files: a bzImage (x86-64) or an Image (arm64), and cpio archives, compressed or not. The first ramdisk boots. */
  readonly kernel: string
  readonly ramdisks: readonly string[]
  /** At most 2,047 bytes, without control characters. */
  readonly commandLine: string
  /** Replaced when it is there; none of the inputs. */
  readonly output: string
  /** Of the image, for its metadata. */
  readonly name: string
  readonly version: string
  /** Of the kernel, which is not examined; `x86_64` unless given. */
  readonly architecture?: Architecture
  /** A JSON object of the caller's own. */
  readonly customMetadata?: unknown
  /** What the container image says that the file system is from. */
  readonly dockerInfo?: unknown
  /** `Linux` unless given. */
  readonly operatingSystem?: string
  /** What the kernel itself says, unless given; else `Unknown`. */
  readonly kernelVersion?: string
  /** SOURCE_DATE_EPOCH of the environment unless given; else 1970. */
  readonly buildTime?: Date
  /** Signs the image's PCR0. Makes PCR8. */
  readonly signing?: Signing
  /** Called after every piece of a mebibyte or less: bytes written, bytes in all but the signature's. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends the build; nothing is left of it. */
  readonly signal?: AbortSignal
}

/** What EifBuilder writes: a starting point for whoever starts the image without naming either. */
const DEFAULT_MEMORY = 1n << 30n
const DEFAULT_CPUS = 2n

/**
 * Builds the image and gives its measurements, in a few mebibytes of memory. Equal inputs give equal files, byte for
 * byte; of a signed image all but the signature and the checksum, for ECDSA is random.
 *
 * Throws UsageError ERR_USAGE for an option or a file that cannot be used, FormatError ERR_EIF_METADATA for metadata
 * that cannot be written, or the signal's reason; then the output is as it was before.
 */
export async function buildEif(options: BuildEifOptions): Promise<Measurements> {
  const { output, kernel, ramdisks, signal } = options
  const commandLine = commandLineBytes(options.commandLine)
  const signer = options.signing && createSigner(options.signing)
  checkOptions(options)
  signal?.throwIfAborted()
  const inputs: InputFile[] = []
  try {
    for (const path of [kernel, ...ramdisks]) inputs.push(await openInput(path))
    await checkOutput(output, inputs)
    const [kernelFile, ...ramdiskFiles] = inputs
    if (kernelFile === undefined) throw new RangeError('the kernel was opened above')
    const metadata = await metadataOf(options, kernelFile)
    return await writeWhole(output, (file) =>
      writeImage(file, options, signer, [
        { type: 'kernel', size: kernelFile.size, content: kernelFile.pieces() },
        { type: 'commandLine', size: commandLine.length, content: [commandLine] },
        { type: 'metadata', size: metadata.length, content: [metadata] },
        ...ramdiskFiles.map((ramdisk) => ({
          type: 'ramdisk' as const,
          size: ramdisk.size,
          content: ramdisk.pieces(),
        })),
      ]),
    )
  } finally {
    for (const input of inputs) await input.close()
  }
}

function checkOptions({ ramdisks, name, version, customMetadata, signing }: BuildEifOptions): void {
  const most = MAX_SECTIONS - 3 - (signing ? 1 : 0)
  if (ramdisks.length === 0) throw new UsageError('ERR_USAGE', 'an image takes one ramdisk at least')
  if (ramdisks.length > most) {
    throw new UsageError('ERR_USAGE', `${ramdisks.length} ramdisks; an image takes ${most} at most`)
  }
  if (name === '' || version === '') {
    throw new UsageError('ERR_USAGE', 'an image takes a name and a version that are not empty')
  }
  if (customMetadata !== undefined && customMetadata !== null && !isObject(customMetadata)) {
    throw new UsageError('ERR_USAGE', 'custom metadata must be a JSON object')
  }
}

async function checkOutput(output: string, inputs: readonly InputFile[]): Promise<void> {
  const existing = await existingOutput(output)
  const replaced = existing && inputs.find((input) => input.isSame(existing))
  if (replaced) throw new UsageError('ERR_USAGE', `the image would replace its own input ${replaced.path}`)
}

async function metadataOf(options: BuildEifOptions, kernel: InputFile): Promise<Buffer> {
  const { version } = createRequire(import.meta.url)('nitro-enclave-sdk/package.json') as { version: string }
  return writeMetadata({
    ImageName: options.name,
    ImageVersion: options.version,
    BuildMetadata: {
      BuildTime: buildTimeText(options.buildTime, process.env),
      BuildTool: 'nitro-enclave-sdk',
      BuildToolVersion: version,
      OperatingSystem: options.operatingSystem ?? 'Linux',
      KernelVersion: options.kernelVersion ?? (await kernelVersion(kernel)) ?? 'Unknown',
    },
    DockerInfo: options.dockerInfo ?? null,
    CustomMetadata: options.customMetadata ?? null,
  })
}

interface Part {
  readonly type: SectionType
  readonly size: number
  readonly content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** Sections first, the header last: its table and its checksum are known only then. */
async function writeImage(
  file: OutputFile,
  { architecture = 'x86_64', onProgress, signal }: BuildEifOptions,
  signer: Signer | undefined,
  parts: readonly Part[],
): Promise<Measurements> {
  const total = parts.reduce((sum, { size }) => sum + size, HEADER_LENGTH)
  const measurer = new Measurer()
  const sections: { offset: bigint; size: bigint }[] = []
  let position = HEADER_LENGTH
  let body = 0
  const write = async (bytes: Uint8Array): Promise<void> => {
    signal?.throwIfAborted()
    await file.write(bytes, position)
    body = crc32(bytes, body)
    position += bytes.length
    onProgress?.(position, total)
  }
  const writeSection = async ({ type, size, content }: Part): Promise<void> => {
    sections.push({ offset: BigInt(position), size: BigInt(size) })
    await write(writeSectionHeader({ type, size: BigInt(size) }))
    const measure = measurer.section(type)
    for await (const piece of content) {
      measure(piece)
      await write(piece)
    }
  }
  for (const part of parts) await writeSection(part)
  const measurements = measurer.finish()
  const signature = signer?.sign(measurements.PCR0)
  if (signature) await writeSection({ type: 'signature', size: signature.length, content: [signature] })
  const header: EifHeader = {
    version: CURRENT_VERSION,
    architecture,
    defaultMemory: DEFAULT_MEMORY,
    defaultCpus: DEFAULT_CPUS,
    sections,
    crc32: 0,
  }
  const start = crc32(writeHeader(header).subarray(0, CRC))
  const checksum = combineCrc32(start, body, position - HEADER_LENGTH)
  await file.write(writeHeader({ ...header, crc32: checksum }), 0)
  return { ...measurements, ...(signer && { PCR8: measureCertificate(signer.certificate) }) }
}
