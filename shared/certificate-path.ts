/**
 * The path from a pinned root to a leaf (RFC 5280, section 6.1, and AWS's validation text): names, signatures,
 * dates, CA flags, key usages, path lengths. The root is pinned by its bytes; a name trusts nobody.
 */
import { verify } from 'node:crypto'
import { type Certificate, parseCertificate, publicKeyOf } from './certificate.js'
import { VerificationError } from './errors.js'

export interface CertificatePath {
  /** The end-entity certificate, DER. */
  readonly certificate: Uint8Array
  /** Root first, then each one's subordinate, DER. */
  readonly cabundle: readonly Uint8Array[]
  /** Trusted roots, DER. */
  readonly roots: readonly Uint8Array[]
  /** The moment at which every certificate must be valid. */
  readonly at: Date
}

/** Returns the verified path, root first and leaf last. Throws VerificationError ERR_CERTIFICATE_*. */
export function verifyCertificatePath({
  certificate,
  cabundle,
  roots,
  at,
}: CertificatePath): readonly Certificate[] {
  const [first] = cabundle
  if (first === undefined || !roots.some((root) => Buffer.compare(root, first) === 0)) {
    throw new VerificationError(
      'ERR_CERTIFICATE_UNTRUSTED_ROOT',
      'the first certificate of the CA bundle is not a trusted root, byte for byte',
    )
  }
  const authorities = cabundle.map(parseCertificate)
  const leaf = parseCertificate(certificate)
  const path = [...authorities, leaf]
  path.forEach((subordinate, index) => {
    const issuer = path[index - 1]
    if (issuer !== undefined) checkIssued(issuer, subordinate)
    checkDates(subordinate, at)
  })
  authorities.forEach((authority, index) => {
    checkAuthority(authority, authorities.length - 1 - index)
  })
  checkLeaf(leaf)
  return path
}

function checkIssued(issuer: Certificate, subordinate: Certificate): void {
  if (Buffer.compare(issuer.subject, subordinate.issuer) !== 0) {
    throw new VerificationError(
      'ERR_CERTIFICATE_ISSUER',
      `${subordinate.subjectName} was not issued by the certificate before it, ${issuer.subjectName}`,
    )
  }
  if (!verify('sha384', subordinate.tbs, publicKeyOf(issuer), subordinate.signature)) {
    throw new VerificationError(
      'ERR_CERTIFICATE_SIGNATURE',
      `the signature on ${subordinate.subjectName} is wrong`,
    )
  }
}

function checkDates({ subjectName, notBefore, notAfter }: Certificate, at: Date): void {
  // Written so that a time that is none is refused, not let through.
  if (!(at >= notBefore)) {
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
}
