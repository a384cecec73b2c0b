/** What an enclave image says of itself, and whether that holds. */
import { NitroEnclaveError } from '../shared/errors.js'
import { type ByteSource, withFile } from './byte-source.js'
import type { Architecture } from './format.js'
import { type Measurements, measureCertificate } from './measure.js'
import { describeMetadata, type JsonObject, readMetadata } from './metadata.js'
import { type EifContents, type ReadOptions, type ReadSection, readEif } from './read.js'
import { parseSignature, verifyPcr0 } from './signature.js'
import { describeCertificate, type SigningCertificate } from './signing-certificate.js'

/** The members, and the forms of their values, of what `nitro-cli describe-eif` prints. */
export interface NitroCliDescription {
  readonly EifVersion: number
  readonly Measurements: Measurements
  /** There is a signature section, whatever it holds. */
  readonly IsSigned: boolean
  readonly SigningCertificate?: SigningCertificate
  /** The checksum in the header is that of the file. */
  readonly CheckCRC: boolean
  /**
   * Of a signed image: its certificate's key signed the PCR0 that was computed here. Whether anybody should trust that
   * certificate, and whether it is still valid, is not judged.
   */
  readonly SignatureCheck?: boolean
  readonly ImageName?: string
  readonly ImageVersion?: string
  readonly Metadata?: JsonObject
}

export interface EifDescription extends NitroCliDescription {
  readonly Architecture: Architecture
  /** Bytes of memory, and CPUs, for whoever starts the image and names none. */
  readonly DefaultMemory: number
  readonly DefaultCpus: number
  /** Without the NUL that some writers end it with. */
  readonly CommandLine: string
  /** In the order of the file. */
  readonly Sections: readonly ReadSection[]
  /** Sentences about what does not hold, and about what could not be read. */
  readonly Warnings: readonly string[]
}

/**
 * Reads an image once, in a few mebibytes of memory. Whatever the checksum or a signature should have protected is
 * reported, not thrown: see `CheckCRC`, `SignatureCheck` and `Warnings`.
 *
 * Throws UsageError ERR_USAGE when the file cannot be read; FormatError ERR_EIF_* when it is no EIF, is cut short, or
 * has a metadata or signature section of more than 1 MiB or a command line of more than 64 KiB.
 */
export function describeEif(path: string, options: ReadOptions = {}): Promise<EifDescription> {
  return withFile(path, (source) => describeSource(source, options))
}

/** The same, from any source of bytes. Throws FormatError ERR_EIF_*. */
export async function describeSource(source: ByteSource, options: ReadOptions = {}): Promise<EifDescription> {
  const contents = await readEif(source, options)
  const { header, commandLine, crcMatches } = contents
  const warnings = [...contents.warnings]
  if (!crcMatches) warnings.push('the checksum is wrong: the file is not as it was built')
  const signed = describeSignature(contents, warnings)
  return {
    EifVersion: header.version,
    Measurements: { ...contents.measurements, ...(signed.pcr8 !== undefined && { PCR8: signed.pcr8 }) },
    IsSigned: contents.signature !== undefined,
    ...(signed.certificate && { SigningCertificate: signed.certificate }),
    CheckCRC: crcMatches,
    ...(contents.signature && { SignatureCheck: signed.verified }),
    ...describeIdentity(contents, warnings),
    Architecture: header.architecture,
    DefaultMemory: Number(header.defaultMemory),
    DefaultCpus: Number(header.defaultCpus),
    CommandLine: Buffer.from(commandLine).toString('utf8').replace(/\0$/, ''),
    Sections: contents.sections,
    Warnings: warnings,
  }
}

interface Signed {
  readonly verified: boolean
  readonly certificate?: SigningCertificate | undefined
  readonly pcr8?: string
}

function describeSignature({ signature, measurements }: EifContents, warnings: string[]): Signed {
  if (signature === undefined) return { verified: false }
  const parsed = attempt('the signature cannot be read', () => parseSignature(signature), warnings)
  if (parsed === undefined) return { verified: false }
  const pcr8 = measureCertificate(parsed.certificate.raw)
  const certificate = attempt(
    'the certificate cannot be shown',
    () => describeCertificate(parsed.certificate),
    warnings,
  )
  const verified = attempt(
    'the signature does not hold',
    () => verifyPcr0(parsed, measurements.PCR0),
    warnings,
  )
  return { verified: verified !== undefined, certificate, pcr8 }
}

function describeIdentity({ metadata }: EifContents, warnings: string[]): Partial<NitroCliDescription> {
  const value = metadata && attempt('the metadata cannot be read', () => readMetadata(metadata), warnings)
  if (value === undefined) return {}
  const { ImageName, ImageVersion } = value
  return {
    ...(typeof ImageName === 'string' && { ImageName }),
    ...(typeof ImageVersion === 'string' && { ImageVersion }),
    Metadata: describeMetadata(value),
  }
}

/** Undefined, and a warning, instead of an error about the image. */
function attempt<T>(failure: string, step: () => T, warnings: string[]): T | undefined {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof NitroEnclaveError)) throw error
    warnings.push(`${failure}: ${error.message}`)
    return undefined
  }
}
