import 'reflect-metadata'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

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

export interface TestCertificate {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** A CA made for one test run, and a server certificate of it. */
export async function certificateFor(host: string): Promise<TestCertificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const usages = ['sign', 'verify'] as const
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, usages)
  const serverKeys = await webcrypto.subtle.generateKey(algorithm, true, usages)
  const notBefore = new Date(Date.now() - 60_000)
  const notAfter = new Date(Date.now() + 3_600_000)
  const ca = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Test CA',
      keys: caKeys,
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    },
    webcrypto,
  )
  const leaf = await x509.X509CertificateGenerator.create(
    {
      subject: `CN=${host}`,
      issuer: ca.subject,
      publicKey: serverKeys.publicKey,
      signingKey: caKeys.privateKey,
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
    },
    webcrypto,
  )
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', serverKeys.privateKey)).toString('base64')
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`
  return { ca: ca.toString('pem'), cert: leaf.toString('pem'), key }
}
