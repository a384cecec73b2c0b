/** The flags of `verify` that say what is asked of a document, alone or beside a policy file. */
import { type Command, InvalidArgumentError } from 'commander'
import type { VerifyOptions } from '../shared/attestation/index.js'
import { UsageError } from '../shared/errors.js'
import { readPublicKeyField, readSigningCertificate } from './attested-files.js'
import { readCertificates } from './certificate-file.js'
import { hex, nonceHex, once, register, seconds, secondsOrNone, time, unshown } from './options.js'

export interface PolicyFlags {
  readonly policy?: string
  readonly pcr?: Readonly<Record<number, readonly string[]>>
  readonly signingCertificate?: readonly string[]
  readonly roleArn?: readonly string[]
  readonly instanceId?: readonly string[]
  readonly moduleId?: readonly string[]
  readonly nonce?: Uint8Array
  readonly userData?: Uint8Array
  readonly publicKey?: string
  readonly maxAge?: number
  readonly clockTolerance?: number
  readonly allowDebug?: boolean
  readonly root?: readonly string[]
  readonly at?: Date
}

const NONCE = '--nonce <hex>'
const USER_DATA = '--user-data <hex>'
const PUBLIC_KEY = '--public-key <hex|file>'

export function policyOptions(command: Command): Command {
  const text = (value: string) => value
  return command
    .option(
      '--policy <file>',
      'ask what this policy.json asks; flags beside it replace its members',
      once(text),
    )
    .option('--pcr <I=HEX>', 'require this register; of several values for one any will do', acceptedRegister)
    .option('--signing-certificate <file>', "PCR8: require this signer's image", repeated)
    .option('--role-arn <arn>', 'PCR3: require this IAM role of the parent instance', repeated)
    .option('--instance-id <id>', 'PCR4: require this parent instance', repeated)
    .option('--module-id <id>', 'require this enclave', repeated)
    .option(NONCE, 'require this nonce', unshown(command, NONCE, once(nonceHex)))
    .option(USER_DATA, 'require this user data', unshown(command, USER_DATA, once(hex)))
    .option(
      PUBLIC_KEY,
      'require this public key; of PEM the DER within it (./cafe is a file)',
      unshown(command, PUBLIC_KEY, once(text)),
    )
    .option(
      '--max-age <seconds>',
      'accept documents up to this age, or `none` for any (default: 300)',
      once(secondsOrNone),
    )
    .option(
      '--clock-tolerance <seconds>',
      'accept documents from the future up to this (default: 60)',
      once(seconds),
    )
    .option('--allow-debug', 'accept enclaves in debug mode, for tests')
    .option(
      '--root <file>',
      'trust these roots, PEM or DER, instead of the AWS Nitro Enclaves root',
      repeated,
    )
    .option('--at <time>', 'verify at this time, ISO 8601 (default: now)', once(time))
}

/** `document`: the other file of the command. Throws UsageError ERR_USAGE. */
export async function readPolicyFlags(flags: PolicyFlags, document: string): Promise<VerifyOptions> {
  const { policy, at, root, pcr, nonce, userData, publicKey, maxAge, clockTolerance, allowDebug } = flags
  const { signingCertificate, roleArn, instanceId, moduleId } = flags
  if (policy === '-' && document === '-')
    throw new UsageError('ERR_USAGE', 'standard input is the document or the policy, not both')
  const asked = policy === undefined ? {} : await readPolicy(policy)
  return {
    ...asked,
    ...(pcr && { pcrs: { ...asked.pcrs, ...pcr } }),
    ...(signingCertificate && {
      signingCertificate: await Promise.all(signingCertificate.map(readSigningCertificate)),
    }),
    ...(roleArn && { roleArn }),
    ...(instanceId && { instanceId }),
    ...(moduleId && { moduleId }),
    ...(nonce && { nonce }),
    ...(userData && { userData }),
    ...(publicKey !== undefined && { publicKey: await readPublicKeyField(publicKey) }),
    ...(maxAge !== undefined && { maxAge }),
    ...(clockTolerance !== undefined && { clockTolerance }),
    ...(allowDebug && { allowDebug }),
    ...(root && { roots: (await Promise.all(root.map(readCertificates))).flat() }),
    ...(at && { now: at }),
  }
}

/** Loaded when it is asked for: the schema takes its time. */
async function readPolicy(file: string): Promise<VerifyOptions> {
  const { readVerificationPolicy } = await import('./verification-policy.js')
  return await readVerificationPolicy(file)
}

function acceptedRegister(value: string, previous: PolicyFlags['pcr'] = {}): NonNullable<PolicyFlags['pcr']> {
  const [[index = '', digits] = []] = Object.entries(register(value))
  if (digits === undefined) throw new InvalidArgumentError('Expected I=HEX.')
  return { ...previous, [index]: [...(previous[Number(index)] ?? []), digits] }
}

function repeated(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
