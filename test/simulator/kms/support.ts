import { generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto'
import { openEnvelopedData } from '../../../enclave/kms/enveloped-data.js'

export const HOST = 'kms.us-east-1.amazonaws.com'
export const REGION = 'us-east-1'
export const CREDENTIALS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session/token+of==the/enclave',
}
export const ARN = 'arn:aws:sts::123456789012:assumed-role/enclave/i-0123456789abcdef0'

export interface RsaKey {
  readonly spki: Uint8Array
  readonly privateKey: KeyObject
}

export function rsaKey(modulusLength = 2048): RsaKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength })
  return { spki: publicKey.export({ type: 'spki', format: 'der' }), privateKey }
}

/** Opens as an enclave does: the bytes, or undefined when they cannot be. */
export async function openSealed(
  envelope: Uint8Array,
  { privateKey }: RsaKey,
): Promise<Uint8Array | undefined> {
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' }
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['decrypt'])
  return openEnvelopedData(envelope, key).catch(() => undefined)
}
