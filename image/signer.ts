/** A signing certificate and its private key, checked before anything is built. */
import { createPrivateKey, KeyObject, X509Certificate } from 'node:crypto'
import { coseAlgorithmOf } from '../shared/cose-signature.js'
import { UsageError } from '../shared/errors.js'
import { certificateBlocks } from '../shared/pem.js'
import { writeSignature } from './signature.js'

export interface Signing {
  /** In PEM; of several the first. */
  readonly certificate: string | Uint8Array
  /** In PEM, not encrypted, or as a key object. On P-256, P-384 or P-521. */
  readonly privateKey: string | Uint8Array | KeyObject
}

export interface Signer {
  /** In DER: what PCR8 measures. */
  readonly certificate: Uint8Array
  /** The signature section of an image with this PCR0. ECDSA is random: two calls give different bytes. */
  sign(pcr0: string): Uint8Array
}

/** Throws UsageError ERR_USAGE, whose message and cause hold nothing of the key. */
export function createSigner(signing: Signing): Signer {
  const certificate = readCertificate(signing.certificate)
  const key = readKey(signing.privateKey)
  if (coseAlgorithmOf(key) === undefined) {
    throw unusable('the private key is not on P-256, P-384 or P-521: no other can sign an enclave image')
  }
  if (!certificate.checkPrivateKey(key)) {
    throw unusable('the private key does not belong to the signing certificate')
  }
  return { certificate: certificate.raw, sign: (pcr0) => writeSignature(certificate, key, pcr0) }
}

function readCertificate(pem: string | Uint8Array): X509Certificate {
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
  // Only the certificate goes into the image: its file may hold the key, too.
  const [block = ''] = certificateBlocks(text)
  try {
    return new X509Certificate(block)
  } catch {
    throw unusable('the signing certificate is no certificate in PEM')
  }
}

function readKey(key: Signing['privateKey']): KeyObject {
  try {
    const object = key instanceof KeyObject ? key : createPrivateKey(Buffer.from(key as Uint8Array))
    if (object.type === 'private') return object
  } catch {
    // Refused below: the cause could show what is no business of a log.
  }
  throw unusable('the private key is no unencrypted private key in PEM')
}

function unusable(why: string): UsageError {
  return new UsageError('ERR_USAGE', why)
}
