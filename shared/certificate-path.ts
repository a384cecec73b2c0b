/**
 * The path from a pinned root to a leaf (RFC 5280, section 6.1, and AWS's validation text): names, signatures,
 * dates, CA flags, key usages, path lengths. The root is pinned by its bytes; a name trusts nobody.
 */
import { sameBytes } from './bytes.js'
import { type Certificate, malformed, parseCertificate } from './certificate.js'
import type { Primitives } from './crypto/primitives.js'
import { NitroEnclaveError, VerificationError } from './errors.js'
import type { KnownCertificate, KnownCertificates } from './known-certificates.js'

export interface CertificatePath {
  /** The end-entity certificate, DER. */
  readonly certificate: Uint8Array
  /** Root first, then each one's subordinate, DER. */
  readonly cabundle: readonly Uint8Array[]
  /** Trusted roots, DER. */
  readonly roots: readonly Uint8Array[]
  /** The moment at which every certificate must be valid. */
  readonly at: Date
  /** Milliseconds by which the end-entity certificate may come from the future; none unless given. */
  readonly clockTolerance?: number
}

export interface VerifiedPath<Key> {
  /** Root first and leaf last. */
  readonly certificates: readonly Certificate[]
  readonly leafKey: Key
}

/**
 * Verifies the path. With `known`, what an earlier path proved of the same bytes is not computed again.
 * Rejects with VerificationError ERR_CERTIFICATE_*.
 */
export async function verifyCertificatePath<Key>(
  { certificate, cabundle, roots, at, clockTolerance = 0 }: CertificatePath,
  primitives: Primitives<Key>,
  known?: KnownCertificates<Key>,
): Promise<VerifiedPath<Key>> {
  const [first] = cabundle
  if (first === undefined || !roots.some((root) => sameBytes(root, first))) {
    throw new VerificationError(
      'ERR_CERTIFICATE_UNTRUSTED_ROOT',
      'the first certificate of the CA bundle is not a trusted root, byte for byte',
    )
  }
  const links = [...cabundle, certificate].map((der): Link<Key> => read(der, known))
  // Not before they were read: of what are certificates, a document holds few enough to compare each with each.
  checkDistinct(links.map(({ der }) => der))
  const path: KnownCertificate<Key>[] = []
  for (const link of links) {
    path.push(await follow(path.at(-1), link, primitives))
    // Authorities are older than what they issue; the leaf may be younger than this clock believes.
    checkDates(link.certificate, at, link === links.at(-1) ? clockTolerance : 0)
  }
  const certificates = path.map((one) => one.certificate)
  const leaf = path.at(-1)
  certificates.slice(0, -1).forEach((authority, index) => {
    checkAuthority(authority, cabundle.length - 1 - index)
  })
  if (leaf === undefined) throw malformed('there is no leaf certificate')
  checkLeaf(leaf.certificate)
  known?.remember(path)
  return { certificates, leafKey: leaf.key }
}

/** RFC 5280, section 6.1: a certificate does not stand twice in a path. A self-signed one could vouch for itself. */
function checkDistinct(path: readonly Uint8Array[]): void {
  const repeated = path.findIndex((der, index) => path.slice(0, index).some((other) => sameBytes(other, der)))
  if (repeated !== -1) {
    throw new VerificationError(
      'ERR_CERTIFICATE_REPEATED',
      `certificate ${repeated + 1} of ${path.length} of the path stands in it before`,
    )
  }
}

/** A certificate of the path, with what is known of it from before. */
type Link<Key> = Pick<KnownCertificate<Key>, 'der' | 'certificate'> & Partial<KnownCertificate<Key>>

function read<Key>(der: Uint8Array, known: KnownCertificates<Key> | undefined): Link<Key> {
  const found = known?.find(der)
  if (found !== undefined) return found
  const own = new Uint8Array(der)
  return { der: own, certificate: parseCertificate(own) }
}

async function follow<Key>(
  issuer: KnownCertificate<Key> | undefined,
  { der, certificate, key, signer }: Link<Key>,
  primitives: Primitives<Key>,
): Promise<KnownCertificate<Key>> {
  const proven = issuer !== undefined && signer !== undefined && sameBytes(signer, issuer.der)
  if (issuer !== undefined && !proven) await checkIssued(issuer, certificate, primitives)
  return { der, certificate, key: key ?? (await importKey(certificate, primitives)), signer: issuer?.der }
}

async function importKey<Key>(certificate: Certificate, primitives: Primitives<Key>): Promise<Key> {
  try {
    return await primitives.importKey(certificate.publicKey)
  } catch (error) {
    // Where the platform lacks it altogether, that is not the certificate's fault.
    if (error instanceof NitroEnclaveError) throw error
    throw malformed('its public key is not a point of P-384')
  }
}

async function checkIssued<Key>(
  issuer: KnownCertificate<Key>,
  subordinate: Certificate,
  primitives: Primitives<Key>,
): Promise<void> {
  if (!sameBytes(issuer.certificate.subject, subordinate.issuer)) {
    throw new VerificationError(
      'ERR_CERTIFICATE_ISSUER',
      `${subordinate.subjectName} was not issued by the certificate before it, ${issuer.certificate.subjectName}`,
    )
  }
  if (!(await primitives.verify(issuer.key, subordinate.tbs, subordinate.signature))) {
    throw new VerificationError(
      'ERR_CERTIFICATE_SIGNATURE',
      `the signature on ${subordinate.subjectName} is wrong`,
    )
  }
}

function checkDates({ subjectName, notBefore, notAfter }: Certificate, at: Date, tolerance: number): void {
  // Written so that a time that is none is refused, not let through.
  if (!(at.getTime() + tolerance >= notBefore.getTime())) {
    throw new VerificationError(
      'ERR_CERTIFICATE_NOT_YET_VALID',
      `${subjectName} is valid from ${notBefore.toISOString()}; the time of verification is ${at.toISOString()}`,
    )
  }
  if (!(at <= notAfter)) {
    throw new VerificationError(
      'ERR_CERTIFICATE_EXPIRED',
      `${subjectName} expired at ${notAfter.toISOString()}; the time of verification is ${at.toISOString()}`,
    )
  }
}

/** `following`: the CA certificates between this one and the leaf. */
function checkAuthority(authority: Certificate, following: number): void {
  const { subjectName, basicConstraints, keyUsage } = authority
  if (basicConstraints?.ca !== true) {
    throw new VerificationError('ERR_CERTIFICATE_NOT_CA', `${subjectName} is not a certificate authority`)
  }
  if (keyUsage?.keyCertSign !== true) {
    throw new VerificationError(
      'ERR_CERTIFICATE_KEY_USAGE',
      `${subjectName} may not sign certificates (keyCertSign)`,
    )
  }
  const { pathLength = Number.POSITIVE_INFINITY } = basicConstraints
  if (following > pathLength) {
    throw new VerificationError(
      'ERR_CERTIFICATE_PATH_LENGTH',
      `${subjectName} allows ${pathLength} certificate authorities below it; there are ${following}`,
    )
  }
}

function checkLeaf({ subjectName, basicConstraints, keyUsage }: Certificate): void {
  if (basicConstraints?.ca === true) {
    throw new VerificationError(
      'ERR_CERTIFICATE_IS_CA',
      `${subjectName} is a certificate authority, not an enclave`,
    )
  }
  if (keyUsage?.digitalSignature !== true) {
    throw new VerificationError('ERR_CERTIFICATE_KEY_USAGE', `${subjectName} may not sign (digitalSignature)`)
  }
  // RFC 5280, section 4.2.1.9.
  if (keyUsage.keyCertSign) {
    throw new VerificationError(
      'ERR_CERTIFICATE_KEY_USAGE',
      `${subjectName} may sign certificates (keyCertSign), and is no certificate authority`,
    )
  }
}
