/** Certificates: what is read are the parts of those very bytes, and OpenSSL reads the same dates. */

import { X509Certificate } from 'node:crypto'
import { parseAttestation } from '../../../shared/attestation/document.js'
import { parseCertificate } from '../../../shared/certificate.js'
import { readDer } from '../../../shared/der.js'
import { VerificationError } from '../../../shared/errors.js'
import { chainOf } from '../documents/chain.js'
import { mutateBer } from '../mutators/ber.js'
import { broken, type Target } from '../target.js'
import { vectorsIn } from '../vector-seeds.js'

const OIDS = [
  '0603551d0f',
  '0603551d13',
  '0603551d0e',
  '0603551d23',
  '0101ff',
  '30030101ff',
  '06052b81040022',
]

export const target: Target = {
  maxLength: 2_048,
  seeds: () => [
    ...chainOf(3),
    ...vectorsIn('certs'),
    ...vectorsIn('attestation/real')
      .slice(0, 3)
      .map((bytes) => parseAttestation(bytes).document)
      .flatMap(({ certificate, cabundle }) => [certificate, ...cabundle]),
  ],
  mutators: [mutateBer],
  dictionary: OIDS.map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
  refusals: [
    { class: VerificationError, code: /^ERR_CERTIFICATE_(?:MALFORMED|ALGORITHM|CRITICAL_EXTENSION)$/ },
  ],
  run: (bytes) => {
    const { tbs, issuer, subject, subjectName, notBefore, notAfter, publicKey, signature } =
      parseCertificate(bytes)
    const [first] = readDer(bytes).children
    if (first === undefined || Buffer.compare(first.encoding, tbs) !== 0)
      broken('what is signed is what stands there')
    for (const part of [issuer, subject, publicKey]) {
      if (!Buffer.from(tbs).includes(Buffer.from(part))) broken('every part stands in what is signed')
    }
    if (publicKey.length !== 97 || signature.length !== 96) broken('P-384')
    if ([notBefore, notAfter].some((date) => Number.isNaN(date.getTime()))) broken('dates are dates')
    if (subjectName === '' || /[\p{C}\p{Zl}\p{Zp}]/u.test(subjectName)) broken('a name can be shown')
    const { validFrom, validTo } = byOpenSsl(bytes)
    if (Date.parse(validFrom) !== notBefore.getTime()) broken('valid from the date that OpenSSL reads')
    if (Date.parse(validTo) !== notAfter.getTime()) broken('valid to the date that OpenSSL reads')
  },
}

function byOpenSsl(bytes: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(bytes)
  } catch {
    broken('OpenSSL reads it, too')
  }
}
