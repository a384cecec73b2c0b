/**
 * The registers that an image starts with. Source: aws-nitro-enclaves-image-format, utils/mod.rs (get_pcrs) and
 * defs/eif_hasher.rs.
 */
import { createHash, type Hash } from 'node:crypto'
import type { SectionType } from './format.js'

/** Bytes of a register. */
const REGISTER_LENGTH = 48

/** In hex, under nitro-cli's names. */
export interface Measurements {
  /** Always `Sha384 { ... }`, as nitro-cli says it. */
  readonly HashAlgorithm: string
  /** The whole image: kernel, command line, every ramdisk. */
  readonly PCR0: string
  /** Kernel, command line, and the first ramdisk, which boots. */
  readonly PCR1: string
  /** The other ramdisks: the application. */
  readonly PCR2: string
  /** The certificate that the image is signed with. */
  readonly PCR8?: string
}

/** What a register holds after one extension: SHA-384 of 48 zeros and the digest. */
function extended(digest: Uint8Array): string {
  return createHash('sha384').update(new Uint8Array(REGISTER_LENGTH)).update(digest).digest('hex')
}

/** PCR8, from the certificate in DER. */
export function measureCertificate(der: Uint8Array): string {
  return extended(createHash('sha384').update(der).digest())
}

/** Takes the content of the sections, without their headers, in the order of the file. */
export class Measurer {
  readonly #image = createHash('sha384')
  /** Undefined as long as its bytes are the image's: one hash serves both, which is half the work. */
  #bootstrap: Hash | undefined
  readonly #application = createHash('sha384')
  #ramdisks = 0

  /** Begins a section: gives what takes its content, in pieces. Metadata and signature are not measured. */
  section(type: SectionType): (piece: Uint8Array) => void {
    const hashes = this.#hashesOf(type)
    return (piece) => {
      for (const hash of hashes) hash.update(piece)
    }
  }

  #hashesOf(type: SectionType): readonly Hash[] {
    if (type === 'metadata' || type === 'signature') return []
    if (type === 'ramdisk' && this.#ramdisks++ > 0) {
      this.#bootstrap ??= this.#image.copy()
      return [this.#image, this.#application]
    }
    return this.#bootstrap === undefined ? [this.#image] : [this.#image, this.#bootstrap]
  }

  /** Ends it: the registers of an image that is not signed. */
  finish(): Measurements {
    const image = this.#image.digest()
    return {
      HashAlgorithm: 'Sha384 { ... }',
      PCR0: extended(image),
      PCR1: extended(this.#bootstrap?.digest() ?? image),
      PCR2: extended(this.#application.digest()),
    }
  }
}
