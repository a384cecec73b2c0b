/** Verification of an attestation document: form, chain, signature, then policy. */
import { publicKeyOf } from '../certificate.js'
import { verifyCertificatePath } from '../certificate-path.js'
import { verifySign1 } from '../cose.js'
import { UsageError } from '../errors.js'
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

/**
 * Resolves with the document when it is genuine and what the options ask for. Rejects with FormatError or
 * VerificationError when it is not genuine, with PolicyError when it is genuine and refused, with UsageError when
 * the options mean nothing. Never use the document's bytes as a replay key: ECDSA signatures are malleable.
 */
export async function verifyAttestation(
  bytes: Uint8Array,
  options: VerifyOptions = {},
): Promise<VerifiedAttestation> {
  const policy = readPolicy(options)
  const roots = (options.roots ?? [AWS_NITRO_ROOT]).map(readRoot)
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

/** A copy: a Date can be changed while it is used. */
function readTime(now: unknown): Date {
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) {
    throw new UsageError('ERR_USAGE', 'now is not a valid Date')
  }
  return new Date(now.getTime())
}
