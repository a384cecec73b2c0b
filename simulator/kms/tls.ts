/** The simulated KMS's TLS identity: a certificate under its real host name, from an authority of the simulator's own. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY = 24 * 3_600_000

export interface TlsIdentity {
  /** PEM: what a client must trust instead of Amazon's roots. */
  readonly ca: string
  /** PEM. */
  readonly key: string
  readonly cert: string
}

/** `life` in days. */
export async function createTlsIdentity(
  hostNames: readonly string[],
  now: Date,
  life = 30,
): Promise<TlsIdentity> {
  const notBefore = new Date(now.getTime() - DAY)
  const notAfter = new Date(now.getTime() + life * DAY)
  const authority = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=nitro-enclave-sdk, OU=simulator, CN=simulated TLS authority',
    keys: authority,
    notBefore,
    notAfter,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `O=nitro-enclave-sdk, OU=simulator, CN=${hostNames[0]}`,
    issuer: ca.subjectName,
    notBefore,
    notAfter,
    signingAlgorithm: EC,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hostNames.map((value) => ({ type: 'dns', value }))),
    ],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    ca: ca.toString('pem'),
    cert: certificate.toString('pem'),
    key: x509.PemConverter.encode(key, 'PRIVATE KEY'),
  }
}
