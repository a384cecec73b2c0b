/** How a caller asks for a verification, and whom it trusts. */
import { UsageError } from '../errors.js'
import { type AttestationPolicy, type DocumentPolicy, readClockTolerance } from './policy.js'
import { AWS_NITRO_ROOT, readCertificate } from './roots.js'

export interface TrustOptions {
  /** Trusted roots, PEM or DER, compared byte for byte; the AWS Nitro Enclaves root G1 unless given. */
  readonly roots?: readonly (string | Uint8Array)[]
  /** The time of verification; the clock unless given. */
  readonly now?: Date
  /** False: nothing that was learned from earlier documents is used, and nothing remembered. */
  readonly cache?: boolean
}

export type VerifyOptions = AttestationPolicy & TrustOptions
export type VerifyNitroTpmOptions = DocumentPolicy & TrustOptions

const TRUST_OPTIONS = ['roots', 'now', 'cache'] satisfies (keyof TrustOptions)[]
const DOCUMENT_OPTIONS = [
  'pcrs',
  'moduleId',
  'nonce',
  'userData',
  'publicKey',
  'maxAge',
  'clockTolerance',
] satisfies (keyof DocumentPolicy)[]
const ENCLAVE_OPTIONS = [
  'signingCertificate',
  'roleArn',
  'instanceId',
  'allowDebug',
] satisfies (keyof AttestationPolicy)[]

export const NITRO_TPM_OPTIONS: readonly string[] = [...TRUST_OPTIONS, ...DOCUMENT_OPTIONS]
export const ENCLAVE_VERIFY_OPTIONS: readonly string[] = [...NITRO_TPM_OPTIONS, ...ENCLAVE_OPTIONS]

export interface Trust {
  /** DER. */
  readonly roots: readonly Uint8Array[]
  readonly now: Date
  readonly cache: boolean
  /** Milliseconds. */
  readonly clockTolerance: number
}

const AWS_ROOTS = [readCertificate(AWS_NITRO_ROOT, 'roots')]

/** Throws UsageError ERR_USAGE. */
export function readTrust(options: TrustOptions & DocumentPolicy): Trust {
  const { roots, now, cache = true } = options
  if (roots !== undefined && (!Array.isArray(roots) || roots.length === 0)) {
    throw new UsageError('ERR_USAGE', 'roots is not an array of at least one certificate')
  }
  if (typeof cache !== 'boolean') throw new UsageError('ERR_USAGE', 'cache is not true or false')
  return {
    roots:
      roots === undefined
        ? AWS_ROOTS
        : roots.map((root: unknown) => readCertificate(root, 'one of the roots')),
    now: now === undefined ? new Date() : readTime(now),
    cache,
    clockTolerance: readClockTolerance(options),
  }
}

function readTime(now: unknown): Date {
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) {
    throw new UsageError('ERR_USAGE', 'now is not a valid Date')
  }
  return now
}
