/** A policy.json for `verify --policy` that pins what an image or an enclave has. */
import { UsageError } from '../shared/errors.js'

export interface VerifierPolicy {
  readonly pcrs: Readonly<Record<number, string | readonly string[]>>
}

/** Registers in hex under their names, `PCR0` …, of one image or enclave. */
export type NamedRegisters = Readonly<Record<string, unknown>>

const SIGNER = 8

/**
 * PCR0, the registers named, and PCR8 where every one is signed; of several images any will do. Throws UsageError
 * ERR_USAGE for a register that is missing or zero.
 */
export function verifierPolicy(
  images: readonly NamedRegisters[],
  registers: readonly number[] = [],
): VerifierPolicy {
  const signed = images.every((image) => !isZero(String(image[`PCR${SIGNER}`] ?? '')))
  const indices = new Set([0, ...registers, ...(signed ? [SIGNER] : [])])
  const pcrs = [...indices].map((index) => {
    const values = new Set(images.map((image) => registerOf(image, index)))
    const [first = '', ...others] = values
    return [index, others.length === 0 ? first : [first, ...others]] as const
  })
  return { pcrs: Object.fromEntries(pcrs) }
}

/** Of a document. */
export function namedRegisters(pcrs: ReadonlyMap<number, Uint8Array>): NamedRegisters {
  return Object.fromEntries(
    [...pcrs].map(([index, value]) => [`PCR${index}`, Buffer.from(value).toString('hex')]),
  )
}

function registerOf(image: NamedRegisters, index: number): string {
  const value = image[`PCR${index}`]
  if (value === undefined) throw new UsageError('ERR_USAGE', `there is no PCR${index} to pin`)
  if (typeof value !== 'string' || !/^[0-9a-f]{96}$/i.test(value))
    throw new UsageError('ERR_USAGE', `PCR${index} is not 96 hex digits`)
  if (isZero(value)) {
    throw new UsageError(
      'ERR_USAGE',
      `PCR${index} is zero, which pins nothing: every enclave in debug mode has it so, and every unsigned one PCR8`,
    )
  }
  return value.toLowerCase()
}

function isZero(hex: string): boolean {
  return /^0*$/.test(hex)
}
