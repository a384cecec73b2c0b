/**
 * The simulated KMS's TLS identity: a certificate under its real host name, and others that it is reached by, from an
 * authority of the simulator's own. With key identifiers and critical constraints, which strict verifiers ask for
 * (RFC 5280, sections 4.2.1.1, 4.2.1.2 and 4.2.1.9).
 */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY = 24 * 3_600_000

/** What certificates are issued with. */
export interface TlsAuthority {
  /** PEM: what a client must trust instead of Amazon's roots. */
  readonly ca: string
  /** PEM, PKCS#8: of a key that nobody else trusts. */
  readonly caKey: string
}

export interface ServerCertificate {
  /** PEM. */
  readonly key: string
  readonly cert: string
}

export interface TlsIdentity extends ServerCertificate {
  /** PEM: what a client must trust instead of Amazon's roots. */
  readonly ca: string
}

/** `life` in days. */
export async function createTlsIdentity(
  hostNames: readonly string[],
  now: Date,
  life = 30,
): Promise<TlsIdentity> {
  const authority = await createTlsAuthority(now, life)
  return { ca: authority.ca, ...(await issueServerCertificate(authority, hostNames, now, life)) }
}

/** `life` in days. */
export async function createTlsAuthority(now: Date, life: number): Promise<TlsAuthority> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=nitro-enclave-sdk, OU=simulator, CN=simulated TLS authority',
    keys,
    ...validity(now, life),
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { ca: certificate.toString('pem'), caKey: await pemOf(keys.privateKey) }
}

/** `names`: host names and IP addresses, at least one; `life` in days, not beyond the authority's. */
export async function issueServerCertificate(
  authority: TlsAuthority,
  names: readonly string[],
  now: Date,
  life: number,
): Promise<ServerCertificate> {
  const issuer = new x509.X509Certificate(authority.ca)
  const issuerKey = x509.PemConverter.decodeFirst(authority.caKey)
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const { notBefore, notAfter } = validity(now, life)
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `O=nitro-enclave-sdk, OU=simulator, CN=${names[0]}`,
    issuer: issuer.subjectName,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    signingAlgorithm: EC,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', issuerKey, EC, false, ['sign']),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { key: await pemOf(keys.privateKey), cert: certificate.toString('pem') }
}

/** From a day ago, for clocks that are behind. */
function validity(now: Date, life: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now.getTime() - DAY), notAfter: new Date(now.getTime() + life * DAY) }
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}
