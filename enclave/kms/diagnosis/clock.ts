/** Clocks that differ: the enclave's has drifted, or was never set. */
import type { Diagnosis, Failure } from './diagnosis.js'

/** InvalidSignatureException in AWS's words, and the names that other services have for the same. */
const DATE = /signature (?:expired|not yet current)/i
const NAMES: readonly string[] = ['RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture']

/** Seconds. KMS takes five minutes; the SDK corrects four and more, when it has an attempt left. */
const TOLERATED = 240
/** Seconds: a document is made just before the connection that fails. */
const SINCE_DOCUMENT = 120

const SET =
  "Set the clock of the enclave: from the hypervisor's PTP device (/dev/ptp0, where the kernel has it), or from the " +
  'timestamp of an attestation document.'

export function signatureDate({ symptom, message, kmsTime, now }: Failure): Diagnosis | undefined {
  if (!NAMES.includes(symptom) && !(symptom === 'InvalidSignatureException' && DATE.test(message))) return
  const ahead = kmsTime && secondsAhead(now, kmsTime)
  if (ahead === undefined || Math.abs(ahead) < TOLERATED) return undefined
  return {
    code: 'CLOCK_SKEW',
    likely: `The clock here is ${inWords(ahead)} KMS's, which refuses signatures by their date.`,
    next: `${SET} The SDK makes up for the difference from its second attempt on: leave \`maxAttempts\` at 2 or more.`,
  }
}

const DATES: readonly unknown[] = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']

export function certificateDates({ symptom, cause, document, now }: Failure): Diagnosis | undefined {
  const code = cause?.code
  if (symptom !== 'ERR_KMS_TLS' || !DATES.includes(code)) return undefined
  const what = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'
  const here = now.toISOString()
  if (document === undefined) {
    return {
      code: 'CERTIFICATE_DATES',
      likely: `By the clock here, ${here}, the certificate ${what}: the one or the other is wrong.`,
      next: 'Compare that time with a clock that is right, such as the timestamp of an attestation document.',
    }
  }
  const ahead = secondsAhead(now, document.timestamp)
  if (Math.abs(ahead) > SINCE_DOCUMENT) {
    return {
      code: 'CLOCK_SKEW',
      likely:
        `The clock here, ${here}, is ${inWords(ahead)} that of the Nitro Secure Module; by the clock here the ` +
        `certificate of KMS ${what}.`,
      next: SET,
    }
  }
  return {
    code: 'CERTIFICATE_DATES',
    likely:
      `The certificate ${what}, and the clock here, ${here}, agrees with that of the Nitro Secure Module: whoever ` +
      'answers is not KMS itself.',
    next: 'Find out where the proxy leads to: the certificates of KMS are renewed long before they expire.',
  }
}

export const secondsAhead = (clock: Date, other: Date): number => (clock.getTime() - other.getTime()) / 1_000

/** `3600 seconds ahead of`, to be followed by whose clock. */
export function inWords(ahead: number): string {
  return `${Math.round(Math.abs(ahead))} seconds ${ahead < 0 ? 'behind' : 'ahead of'}`
}
