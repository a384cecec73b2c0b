/**
 * The roots that KMS's TLS certificates chain to (https://www.amazontrust.com/repository/), taken from the
 * list compiled into Node and recognised by the SHA-256 of their DER. NODE_EXTRA_CA_CERTS and the
 * operating system's store are never asked.
 */
import { createHash } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { OperationError } from '../../shared/errors.js'

const FINGERPRINTS: readonly (readonly [name: string, sha256: string])[] = [
  ['Amazon Root CA 1', '8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e'],
  ['Amazon Root CA 2', '1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4'],
  ['Amazon Root CA 3', '18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4'],
  ['Amazon Root CA 4', 'e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092'],
  [
    'Starfield Services Root Certificate Authority - G2',
    '568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5',
  ],
]

/**
 * The five roots as PEM. Throws OperationError ERR_TRUST_ANCHOR_MISSING, naming those that this Node lacks.
 * `bundled` is for tests: what Node was built with.
 */
export function amazonTrustAnchors(bundled: readonly string[] = rootCertificates): string[] {
  const known = new Map(bundled.map((pem) => [fingerprint(pem), pem]))
  const missing = FINGERPRINTS.filter(([, sha256]) => !known.has(sha256)).map(([name]) => name)
  if (missing.length > 0) {
    throw new OperationError('ERR_TRUST_ANCHOR_MISSING', `not in this Node's list: ${missing.join(', ')}`)
  }
  return FINGERPRINTS.flatMap(([, sha256]) => known.get(sha256) ?? [])
}

function fingerprint(pem: string): string {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
  return createHash('sha256').update(der).digest('hex')
}
