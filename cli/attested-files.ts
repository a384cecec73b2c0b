/** Files whose content an attestation document speaks of. */
import { UsageError } from '../shared/errors.js'
import { certificateBlocks } from '../shared/pem.js'
import { isHex } from './hex-or-file.js'
import { readInput } from './input.js'
import { readPublicKey } from './public-key.js'

/** The first byte of DER: a SEQUENCE. */
const SEQUENCE = 0x30

/** The certificate of an image's signer: one in PEM, perhaps with text around it, or DER. Throws UsageError ERR_USAGE. */
export async function readSigningCertificate(file: string): Promise<string | Uint8Array> {
  const bytes = await readInput(file)
  if (bytes[0] === SEQUENCE) return bytes
  const [certificate, ...more] = certificateBlocks(Buffer.from(bytes).toString('latin1'))
  if (certificate === undefined)
    throw new UsageError('ERR_USAGE', `${file} holds no certificate in PEM or DER`)
  if (more.length > 0) {
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
  if (isHex(given)) return Buffer.from(given, 'hex')
  const file = pathOf(given)
  const bytes = await readInput(file)
  return Buffer.from(bytes).toString('latin1').includes('-----BEGIN ') ? await readPublicKey(file) : bytes
}
