/** Whoever answers cannot be authenticated as KMS of this region. */
import type { Diagnosis, Failure } from './diagnosis.js'

/** An endpoint of KMS, also in a VPC: its region. */
const ENDPOINT = /(?:^|\.)kms(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d)\.[a-z.]+$/
const DNS_NAME = /^[a-z0-9*](?:[a-z0-9.-]{0,250}[a-z0-9])?$/i
/** A certificate may have hundreds. */
const NAMES_SHOWN = 3

export function wrongServer({ symptom, cause, client }: Failure): Diagnosis | undefined {
  if (symptom !== 'ERR_KMS_TLS' || cause?.code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return undefined
  const names = namesOf(cause.cert)
  const region = names.map((name) => ENDPOINT.exec(name)?.[1]).find((one) => one && one !== client.region)
  if (region !== undefined) {
    return {
      code: 'WRONG_REGION',
      likely: `This client asks ${client.host}, but the proxy leads to KMS in ${region}.`,
      next: `Let the proxy lead to ${client.host}, or make the client for ${region}: a key is in one region.`,
    }
  }
  const shown = names.length === 0 ? 'other names' : names.slice(0, NAMES_SHOWN).join(', ')
  return {
    code: 'WRONG_HOST',
    likely: `Whoever answers is not ${client.host}: the certificate is for ${shown}.`,
    next: 'Let the proxy lead to that host; give the name of a VPC endpoint as the option `host`.',
  }
}

/** Node's text of the subject alternative names: `DNS:kms.eu-west-1.amazonaws.com, DNS:…`. */
function namesOf(certificate: unknown): readonly string[] {
  const text = (certificate as { readonly subjectaltname?: unknown } | undefined)?.subjectaltname
  if (typeof text !== 'string') return []
  const names = text.split(', ').map((entry) => /^DNS:(.*)$/.exec(entry)?.[1] ?? '')
  return names.filter((name) => DNS_NAME.test(name))
}

/** AWS: `Credential should be scoped to a valid region`. */
export function wrongScope({ symptom, message, client }: Failure): Diagnosis | undefined {
  if (symptom !== 'InvalidSignatureException' || !/should be scoped to/i.test(message)) return undefined
  return {
    code: 'WRONG_REGION',
    likely: `The call is signed for ${client.region}, but ${client.host} is KMS of another region.`,
    next: 'Give `region` and `host` of the same region.',
  }
}

const CHAIN =
  /^(?:UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|SELF_SIGNED_|DEPTH_ZERO_|CERT_(?:SIGNATURE_FAILURE|UNTRUSTED|REJECTED)|INVALID_CA)/
const NO_TLS = /^(?:EPROTO|ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/

export function unauthenticated({ symptom, cause, client }: Failure): Diagnosis | undefined {
  if (symptom !== 'ERR_KMS_TLS') return undefined
  const code = String(cause?.code)
  if (CHAIN.test(code)) {
    return {
      code: 'UNTRUSTED_CERTIFICATE',
      likely: `Whoever answers for ${client.host} has a certificate that no trust anchor vouches for (${code}).`,
      next:
        'Look for something that intercepts TLS between the parent and KMS. Only a simulated KMS has a root of its own, ' +
        'for the option `trustAnchors`.',
    }
  }
  if (!NO_TLS.test(code)) return undefined
  return {
    code: 'NOT_TLS',
    likely: 'Whoever answers does not speak TLS.',
    next: `Let the proxy lead to port 443 of ${client.host}, and pass bytes as they are.`,
  }
}
