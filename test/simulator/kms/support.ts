import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

/** Opens with OpenSSL: the bytes, or undefined when it refuses. */
export function opensslOpen(envelope: Uint8Array, { privateKey }: RsaKey): Buffer | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'kms-'))
  try {
    const keyFile = join(directory, 'key.pem')
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const command = ['cms', '-decrypt', '-inform', 'DER', '-inkey', keyFile, '-binary']
    const { status, stdout, error } = spawnSync('openssl', command, { input: envelope })
    if (error) throw error
    return status === 0 ? stdout : undefined
  } finally {
    rmSync(directory, { recursive: true })
  }
}
