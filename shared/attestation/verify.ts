/** Verification of an attestation document: form, chain, signature, then policy. */
import { publicKeyOf } from '../certificate.js'
import { verifyCertificatePath } from '../certificate-path.js'
import { verifySign1 } from '../cose.js'
import { UsageError } from '../errors.js'
import { shown } from '../printable.js'
import { type AttestationDocument, parseAttestation } from './document.js'
import { type AttestationPolicy, checkPolicy, readPolicy } from './policy.js'
import { AWS_NITRO_ROOT, readRoot } from './roots.js'

export interface VerifyOptions extends AttestationPolicy {
  /** Trusted roots, PEM or DER, compared byte for byte; the AWS Nitro Enclaves root G1 unless given. */
  readonly roots?: readonly (string | Uint8Array)[]
  /** The time of verification; the clock unless given. */
  readonly now?: Date
}

/** A certificate of the verified chain, for people and logs. */
export interface ChainLink {
  readonly subject: string
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface VerifiedAttestation {
  readonly document: AttestationDocument
  /** Root first, leaf last. */
  readonly chain: readonly ChainLink[]
}

const OPTIONS: ReadonlySet<string> = new Set<keyof VerifyOptions>([
  'roots',
  'now',
  'pcrs',
  'nonce',
  'userData',
  'publicKey',
  'maxAge',
  'clockTolerance',
  'allowDebug',
])

/**
 * Resolves with the document when it is genuine and what the options ask for. Rejects with FormatError or
 * VerificationError when it is not genuine, with PolicyError when it is genuine and refused, with UsageError when
 * the options mean nothing. Without `pcrs` a document says no more than 'some enclave on AWS'; without `nonce` it may
 * be another's answer, up to `maxAge` old. Never use the document's bytes as a replay key: ECDSA signatures are malleable.
 */
export async function verifyAttestation(
  bytes: Uint8Array,
  options: VerifyOptions = {},
): Promise<VerifiedAttestation> {
  checkNames(options)
  const policy = readPolicy(options)
  const given: unknown = options.roots ?? [AWS_NITRO_ROOT]
  if (!Array.isArray(given)) throw new UsageError('ERR_USAGE', 'roots is not an array of certificates')
  const roots = given.map(readRoot)
  const now = readTime(options.now ?? new Date())
  if (!(bytes instanceof Uint8Array)) throw new UsageError('ERR_USAGE', 'the document is not a Uint8Array')
  const { document, envelope } = parseAttestation(bytes)
  const { certificate, cabundle } = document
  const path = verifyCertificatePath({ certificate, cabundle, roots, at: now })
  const leaf = path[path.length - 1]
  if (leaf === undefined) throw new UsageError('ERR_USAGE', 'there is no leaf certificate')
  verifySign1(envelope, publicKeyOf(leaf))
  checkPolicy(document, policy, now)
  return {
    document,
    chain: path.map(({ subjectName, notBefore, notAfter }) => ({
      subject: subjectName,
      notBefore,
      notAfter,
    })),
  }
}

/** A misspelt requirement would require nothing. */
function checkNames(options: unknown): asserts options is VerifyOptions {
  if (typeof options !== 'object' || options === null)
    throw new UsageError('ERR_USAGE', 'options is not an object')
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name))
  if (unknown !== undefined) {
    throw new UsageError('ERR_USAGE', `${shown(unknown)} is not an option of verifyAttestation`)
  }
}

/** A copy: a Date can be changed while it is used. */
function readTime(now: unknown): Date {
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) {
    throw new UsageError('ERR_USAGE', 'now is not a valid Date')
  }
  return new Date(now.getTime())
}
