import { describe, expect, it } from 'vitest'
import { certificateDates, inWords, signatureDate } from '../../../../enclave/kms/diagnosis/clock.js'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'

const now = new Date('2026-01-02T03:04:05.000Z')
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000)

describe('a signature that is refused by its date', () => {
  const diagnosisFor = (failure: Partial<Failure>) =>
    signatureDate({
      symptom: 'InvalidSignatureException',
      message: 'Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z',
      kmsTime: later(3_600),
      now,
      ...failure,
    } as Failure)

  it.each(['RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture'])('may be called %s', (symptom) => {
    expect(diagnosisFor({ symptom, message: 'no' })?.code).toBe('CLOCK_SKEW')
  })
  it.each([
    ['another name', { symptom: 'AccessDeniedException' }],
    ['a signature that is wrong otherwise', { message: 'The signature does not match' }],
    ['an answer without a time', { kmsTime: undefined }],
  ])('is not recognised by %s', (_, failure) => {
    expect(diagnosisFor(failure)).toBeUndefined()
  })
  it.each([
    [240, 'CLOCK_SKEW'],
    [239, undefined],
    [-239, undefined],
    [-240, 'CLOCK_SKEW'],
  ])('is explained by the clocks as of four minutes between them: %d s', (seconds, code) => {
    expect(diagnosisFor({ kmsTime: later(seconds) })?.code).toBe(code)
  })
  it('is told by how much', () => {
    expect(diagnosisFor({})?.likely).toBe(
      "The clock here is 3600 seconds behind KMS's, which refuses signatures by their date.",
    )
  })
})

describe('a certificate that is refused by its dates', () => {
  const diagnosisFor = (failure: object) =>
    certificateDates({
      symptom: 'ERR_KMS_TLS',
      cause: { code: 'CERT_HAS_EXPIRED' },
      now,
      ...failure,
    } as unknown as Failure)

  it.each([
    ['another failure', { symptom: 'ERR_KMS_CONNECTION' }],
    ['another cause', { cause: { code: 'CERT_UNTRUSTED' } }],
    ['no cause', { cause: undefined }],
  ])('is not recognised by %s', (_, failure) => {
    expect(diagnosisFor(failure)).toBeUndefined()
  })
  it('may be refused by the clock here, which nothing is known of without a document', () => {
    expect(diagnosisFor({})).toMatchObject({
      code: 'CERTIFICATE_DATES',
      likely: `By the clock here, ${now.toISOString()}, the certificate has expired: the one or the other is wrong.`,
    })
    const likely = expect.stringContaining('the certificate is not valid yet:')
    expect(diagnosisFor({ cause: { code: 'CERT_NOT_YET_VALID' } })).toMatchObject({ likely })
  })
  it('is told how to set the clock, when that is wrong', () => {
    expect(diagnosisFor({ document: { timestamp: later(3_600) } })?.next).toBe(
      "Set the clock of the enclave: from the hypervisor's PTP device (/dev/ptp0, where the kernel has it), or from " +
        'the timestamp of an attestation document.',
    )
  })
  it.each([
    [121, 'CLOCK_SKEW'],
    [120, 'CERTIFICATE_DATES'],
    [-120, 'CERTIFICATE_DATES'],
    [-121, 'CLOCK_SKEW'],
  ])('is explained by the clocks as of more than two minutes between them: %d s', (seconds, code) => {
    expect(diagnosisFor({ document: { timestamp: later(seconds) } })?.code).toBe(code)
  })
})

it.each([
  [-3_600.2, '3600 seconds behind'],
  [0, '0 seconds ahead of'],
  [59.5, '60 seconds ahead of'],
])('a clock that is %d s ahead is said to be %s another', (ahead, words) => {
  expect(inWords(ahead)).toBe(words)
})
