/** The path of an accepted document, looked at once more with another library's eyes. */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { DocumentFields } from '../../../shared/attestation/document-fields.js'
import { writeTree } from '../mutators/ber.js'
import { broken } from '../target.js'
import { pointIn, tbsOf } from './chain.js'
import { standInSignature } from './stand-in.js'

const { KeyUsageFlags } = x509

/** Throws when a document under `root` should not have been accepted at `now`. */
export function checkAccepted({ cabundle, certificate }: DocumentFields, root: Uint8Array, now: Date): void {
  const [first] = cabundle
  if (first === undefined || Buffer.compare(first, root) !== 0)
    broken('the first certificate is the trusted root')
  const path = [...cabundle, certificate]
  path.forEach((der, index) => {
    checkCertificate(der, path[index - 1], path.length - 1 - index, now)
  })
}

/** `below`: certificates that follow, the leaf included. */
function checkCertificate(der: Uint8Array, issuer: Uint8Array | undefined, below: number, now: Date): void {
  const isLeaf = below === 0
  const { validFrom, validTo, raw } = new X509Certificate(der)
  if (raw.length !== der.length) broken('nothing stands behind a certificate')
  if (Date.parse(validFrom) > now.getTime() || Date.parse(validTo) < now.getTime()) broken('valid now')
  const certificate = new x509.X509Certificate(new Uint8Array(der))
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension)
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? 0
  if ((constraints?.ca ?? false) === isLeaf) broken('authorities are authorities, and the leaf is none')
  if ((usages & (isLeaf ? KeyUsageFlags.digitalSignature : KeyUsageFlags.keyCertSign)) === 0)
    broken('key usage')
  if (!isLeaf && below - 1 > (constraints?.pathLength ?? Number.POSITIVE_INFINITY)) broken('path length')
  const known = ['2.5.29.15', '2.5.29.19']
  if (certificate.extensions.some(({ type, critical }) => critical && !known.includes(type)))
    broken('critical')
  if (issuer !== undefined) checkIssued(der, issuer, certificate.signature)
}

function checkIssued(der: Uint8Array, issuer: Uint8Array, signature: ArrayBuffer): void {
  const [tbs, above] = [tbsOf(der), tbsOf(issuer)]
  const [name, subject] = [tbs?.children[3], above?.children[5]]
  if (tbs === undefined || name === undefined || subject === undefined) broken('a certificate has its fields')
  if (Buffer.compare(writeTree(name), writeTree(subject)) !== 0) broken('names are chained')
  const expected = standInSignature(pointIn(above), writeTree(tbs))
  if (!numbersOf(new Uint8Array(signature)).equals(expected)) broken('signatures are chained')
}

/** r || s of ECDSA-Sig-Value. */
function numbersOf(der: Uint8Array): Buffer {
  const numbers = integersIn(der).map((content) => {
    const digits = content.length > 48 ? content.subarray(content.length - 48) : content
    return Buffer.concat([new Uint8Array(48 - digits.length), digits])
  })
  return Buffer.concat(numbers)
}

function integersIn(der: Uint8Array): Uint8Array[] {
  const numbers: Uint8Array[] = []
  for (let at = 2; at < der.length; at += 2 + (der[at + 1] ?? 0)) {
    numbers.push(der.subarray(at + 2, at + 2 + (der[at + 1] ?? 0)))
  }
  return numbers
}
