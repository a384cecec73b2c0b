/**
 * Policies that pin an enclave image. Source: AWS KMS Developer Guide, "Condition keys for AWS Nitro Enclaves"
 * (kms:RecipientAttestation:ImageSha384, kms:RecipientAttestation:PCR<PCR_ID>).
 */
import { UsageError } from '../shared/errors.js'
import type { Measurements } from './measure.js'

/** The operations that take a Recipient. */
export const PINNED_ACTIONS = [
  'GenerateRandom',
  'Decrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'DeriveSharedSecret',
] as const

export type PinnedAction = (typeof PINNED_ACTIONS)[number]

export interface PinningOptions {
  readonly action: PinnedAction
  /** Registers in hex by name (`PCR0`, …), as describeEif and buildEif give them. PCR0 is always pinned. */
  readonly measurements: Measurements | Readonly<Record<string, string>>
  /** ARN of the parent instance's role. A statement of a key policy takes it; GenerateRandom uses no key. */
  readonly role?: string
  /** Further registers to pin, by number. */
  readonly registers?: readonly number[]
}

/**
 * For GenerateRandom an IAM policy document for the role; for the others a statement for the policy of the KMS key.
 * Throws UsageError ERR_USAGE when a register or the role is missing or malformed.
 */
export function pinningPolicy({ action, measurements, role, registers = [] }: PinningOptions): object {
  const condition: Record<string, string> = {
    'kms:RecipientAttestation:ImageSha384': registerOf(measurements, 0),
  }
  for (const index of registers) {
    condition[`kms:RecipientAttestation:PCR${index}`] = registerOf(measurements, index)
  }
  if (role !== undefined) checkRole(role)
  const statement = {
    Effect: 'Allow',
    Action: `kms:${action}`,
    Resource: '*',
    Condition: { StringEqualsIgnoreCase: condition },
  }
  if (action === 'GenerateRandom') return { Version: '2012-10-17', Statement: [statement] }
  if (role === undefined) {
    throw new UsageError(
      'ERR_USAGE',
      `a key policy must say who is allowed ${action}: the ARN of the parent instance's role`,
    )
  }
  const { Effect, ...rest } = statement
  return { Sid: `Enclave${action}`, Effect, Principal: { AWS: role }, ...rest }
}

/** Those of the pinned registers that are zero: every enclave in debug mode has them so, whatever it runs. */
export function zeroRegisters({
  measurements,
  registers = [],
}: Pick<PinningOptions, 'measurements' | 'registers'>): readonly number[] {
  return [...new Set([0, ...registers])].filter((index) => /^0+$/.test(registerOf(measurements, index)))
}

function registerOf(measurements: PinningOptions['measurements'], index: number): string {
  if (!Number.isInteger(index) || index < 0 || index > 31) {
    throw new UsageError('ERR_USAGE', 'a register has a number from 0 to 31')
  }
  const value: unknown = (measurements as Readonly<Record<string, unknown>>)[`PCR${index}`]
  if (value === undefined) {
    const why = index === 8 ? ': the image is not signed, or its certificate cannot be read' : ''
    throw new UsageError('ERR_USAGE', `the measurements have no PCR${index}${why}`)
  }
  if (typeof value !== 'string' || !/^[0-9a-f]{96}$/i.test(value)) {
    throw new UsageError('ERR_USAGE', `PCR${index} is not 96 hex digits`)
  }
  return value.toLowerCase()
}

/** IAM User Guide, "IAM identifiers": no wildcard, which a principal could not have either. */
function checkRole(role: string): void {
  const [, name] =
    /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[\w+=,.@/-]{1,510}\/)?([\w+=,.@-]{1,64})$/.exec(role) ?? []
  if (name === undefined) {
    throw new UsageError(
      'ERR_USAGE',
      'the role must be an ARN as in arn:aws:iam::123456789012:role/enclave-parent',
    )
  }
}
