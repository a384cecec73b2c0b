/** Files whose content an attestation document speaks of. */
import { UsageError } from '../shared/errors.js'
import { readCertificates } from './certificate-file.js'
import { hexOrFile, isHex } from './hex-or-file.js'
import { publicKeyOf } from './public-key.js'

/** The certificate of an image's signer: one in PEM, perhaps with text around it, or DER. Throws UsageError ERR_USAGE. */
export async function readSigningCertificate(file: string): Promise<string | Uint8Array> {
  const [certificate, ...more] = await readCertificates(file)
  if (certificate === undefined || more.length > 0) {
    throw new UsageError(
      'ERR_USAGE',
      `${file} holds ${more.length + 1} certificates; the signer's alone is wanted`,
    )
  }
  return certificate
}

/**
 * A document's public_key, in hex or from a file: of PEM the DER within it, as `nsm attest` does; else the file's bytes.
 * Throws UsageError ERR_USAGE.
 */
export async function readPublicKeyField(
  given: string,
  pathOf: (path: string) => string = (path) => path,
): Promise<Uint8Array> {
  const bytes = await hexOrFile(given, 'public key', pathOf)
  const isPem = !isHex(given) && Buffer.from(bytes).toString('latin1').includes('-----BEGIN ')
  return isPem ? publicKeyOf(bytes, pathOf(given)) : bytes
}
