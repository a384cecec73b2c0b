/**
 * The simulator's certificate authority: a chain like the hardware's (root, regional, zonal, instance, leaf), with
 * real P-384 signatures and its own root. The AWS root never signs for it, and every name says that it is simulated.
 */
import 'reflect-metadata'
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { UsageError } from '../shared/errors.js'

const EC = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const
const HOUR = 3_600_000
const DAY = 24 * HOUR
const { KeyUsageFlags } = x509
/** Milliseconds, from the moment of issue. */
export const ENCLAVE_CERTIFICATE_LIFE = 3 * HOUR
/** Hardware dates enclave certificates back by so much, in milliseconds. */
const BACKDATED = 3_000
/** Region and ids stand inside names, whose separators they must not bring. */
const LABEL = /^[a-zA-Z0-9-]{1,64}$/

/** An instance's certificate authority: what its Nitro Secure Module issues enclave certificates with. */
export interface InstanceAuthority {
  /** Root, regional, zonal, instance: DER. */
  readonly cabundle: readonly Uint8Array[]
  /** PKCS#8, DER: of a key that signs for nothing outside this simulation. */
  readonly privateKey: Uint8Array
  /** The root's, to renew what is below it when a simulation outlives it. */
  readonly rootKey: Uint8Array
  readonly region: string
  readonly instanceId: string
}

export interface AuthorityOptions {
  readonly region: string
  readonly instanceId: string
  readonly now: () => Date
}

/** Makes a new root and everything below it, to the instance. Throws UsageError ERR_USAGE. */
export async function createInstanceAuthority(options: AuthorityOptions): Promise<InstanceAuthority> {
  const { region, instanceId } = options
  checkLabel('region', region)
  checkLabel('instanceId', instanceId)
  const now = options.now().getTime()
  const root = await issue({
    name: 'C=US, O=nitro-enclave-sdk, OU=simulator, CN=simulated.nitro-enclaves',
    from: now - 30 * DAY,
    life: 30 * 365 * DAY,
    usages: KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
  })
  return issueBelow(root, region, instanceId, now)
}

/**
 * The authority itself while it can issue for three hours more, as an instance's does for a day; then a new one
 * under the same root.
 */
export async function renewedAuthority(authority: InstanceAuthority, now: Date): Promise<InstanceAuthority> {
  const { cabundle, rootKey, region, instanceId } = authority
  const { notBefore, notAfter } = readCertificate(cabundle.at(-1))
  if (now >= notBefore && now.getTime() + ENCLAVE_CERTIFICATE_LIFE <= notAfter.getTime()) return authority
  const root = { certificate: readCertificate(cabundle[0]), privateKey: await importKey(rootKey) }
  return issueBelow(root, region, instanceId, now.getTime())
}

async function issueBelow(
  root: Issuer,
  region: string,
  instanceId: string,
  now: number,
): Promise<InstanceAuthority> {
  const caUsages = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
  const regional = await issue({
    name: `C=US, O=nitro-enclave-sdk, OU=simulator, CN=${identifier()}.${region}.simulated.nitro-enclaves`,
    issuer: root,
    from: now - HOUR,
    life: 20 * DAY + HOUR,
    pathLength: 2,
    usages: caUsages,
    revocationList: true,
  })
  // Hardware writes this name's attributes in another order than its issuer's: verifiers compare DER, not text.
  const zonal = await issue({
    name: `CN=${identifier()}.zonal.${region}.simulated.nitro-enclaves, OU=simulator, O=nitro-enclave-sdk, C=US, ST=WA, L=Seattle`,
    issuer: regional,
    from: now - HOUR,
    life: 5 * DAY + 13 * HOUR,
    pathLength: 1,
    usages: caUsages,
    revocationList: true,
  })
  const instance = await issue({
    name: `C=US, ST=Washington, L=Seattle, O=nitro-enclave-sdk, OU=simulator, CN=${instanceId}.${region}.simulated.nitro-enclaves`,
    issuer: zonal,
    from: now - 60_000,
    life: DAY,
    pathLength: 0,
    usages: KeyUsageFlags.keyCertSign,
  })
  return {
    cabundle: [root, regional, zonal, instance].map(({ certificate }) => new Uint8Array(certificate.rawData)),
    privateKey: await exportKey(instance.privateKey),
    rootKey: await exportKey(root.privateKey),
    region,
    instanceId,
  }
}

/** An enclave's own certificate, and the key that signs its attestation documents. */
export interface EnclaveCertificate {
  readonly certificate: Uint8Array
  readonly key: KeyObject
}

/** Issues an enclave certificate as hardware does: three hours and three seconds, no key identifiers. Throws UsageError. */
export async function issueEnclaveCertificate(
  authority: InstanceAuthority,
  moduleId: string,
  now: Date,
): Promise<EnclaveCertificate> {
  checkLabel('moduleId', moduleId)
  const certificate = readCertificate(authority.cabundle.at(-1))
  const privateKey = await importKey(authority.privateKey)
  const leaf = await issue({
    name: `C=US, ST=Washington, L=Seattle, O=nitro-enclave-sdk, OU=simulator, CN=${moduleId}.${authority.region}.simulated`,
    issuer: { certificate, privateKey },
    from: now.getTime() - BACKDATED,
    life: ENCLAVE_CERTIFICATE_LIFE + BACKDATED,
    end: true,
    usages: KeyUsageFlags.digitalSignature | KeyUsageFlags.nonRepudiation,
  })
  const key = Buffer.from(await exportKey(leaf.privateKey))
  return {
    certificate: new Uint8Array(leaf.certificate.rawData),
    key: createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
  }
}

interface Issuer {
  readonly certificate: x509.X509Certificate
  readonly privateKey: webcrypto.CryptoKey
}

interface Issue {
  readonly name: string
  readonly issuer?: Issuer
  /** Milliseconds since 1970, and milliseconds. */
  readonly from: number
  readonly life: number
  readonly pathLength?: number
  readonly end?: boolean
  readonly usages: number
  readonly revocationList?: boolean
}

async function issue(options: Issue): Promise<Issuer> {
  const { name, issuer, from, life, pathLength, end = false, usages } = options
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: identifier(),
    subject: name,
    issuer: issuer?.certificate.subjectName ?? name,
    notBefore: wholeSecond(from),
    notAfter: wholeSecond(from + life),
    signingAlgorithm: EC,
    publicKey: keys.publicKey,
    signingKey: issuer?.privateKey ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(!end, pathLength, true),
      new x509.KeyUsagesExtension(usages, !end),
      ...(end ? [] : [await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)]),
      ...(issuer === undefined || end
        ? []
        : [await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey)]),
      ...(options.revocationList
        ? [new x509.CRLDistributionPointsExtension(['http://simulated-nitro-enclaves-crl.invalid/crl.crl'])]
        : []),
    ],
  })
  return { certificate, privateKey: keys.privateKey }
}

function readCertificate(der: Uint8Array | undefined): x509.X509Certificate {
  if (der === undefined) throw new RangeError('an instance authority has certificates')
  return new x509.X509Certificate(new Uint8Array(der))
}

function importKey(pkcs8: Uint8Array): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), EC, true, ['sign'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', key))
}

function checkLabel(name: string, text: string): void {
  if (!LABEL.test(text))
    throw new UsageError('ERR_USAGE', `${name} is not made of 1 to 64 letters, digits and hyphens`)
}

/** Eight random bytes in hex, positive as a serial number. */
function identifier(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(8))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000)
}
