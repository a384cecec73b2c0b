import { describe, expect, it } from 'vitest'
import {
  expiredCredentials,
  unknownCredentials,
  wrongSecret,
} from '../../../../enclave/kms/diagnosis/credentials.js'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'

const now = new Date('2026-01-02T03:04:05.000Z')

const likelyFor = (failure: Partial<Failure>) =>
  expiredCredentials({ symptom: 'ExpiredTokenException', noRetry: undefined, now, ...failure } as Failure)
    ?.likely

describe('credentials that have expired', () => {
  it.each([
    ['fixed', 'this client was given fixed ones: nobody can renew them.'],
    ['same', 'the provider gave the same ones when it was asked for others.'],
    ['failed', 'the provider failed when it was asked for others.'],
  ] as const)('are told by what came of asking for others: %s', (noRetry, words) => {
    expect(likelyFor({ noRetry })).toBe(`The credentials have expired, and ${words}`)
  })
  it('may have been replaced', () => {
    expect(likelyFor({})).toBe(
      'The credentials have expired, and so have those that the provider gave instead.',
    )
  })
  it.each([
    [61, " The clock here is 61 seconds behind KMS's, which decides."],
    [60, ''],
    [-60, ''],
    [-61, " The clock here is 61 seconds ahead of KMS's, which decides."],
  ])('may be so by the clock of KMS, where that differs by more than a minute: %d s', (seconds, words) => {
    const kmsTime = new Date(now.getTime() + seconds * 1_000)
    expect(likelyFor({ kmsTime, noRetry: 'failed' })).toBe(
      `The credentials have expired, and the provider failed when it was asked for others.${words}`,
    )
  })
  it('are no matter of another failure', () => {
    expect(likelyFor({ symptom: 'AccessDeniedException' })).toBeUndefined()
  })
})

describe('credentials that KMS does not take', () => {
  const codeOf = (symptom: string, message: string) => {
    const failure = { symptom, message, client: { region: 'us-east-1' } } as Failure
    return (unknownCredentials(failure) ?? wrongSecret(failure))?.code
  }
  const mismatch = 'The request signature we calculated does not match the signature you provided.'
  it.each([
    ['UnrecognizedClientException', 'invalid', 'UNKNOWN_CREDENTIALS'],
    ['InvalidClientTokenId', 'invalid', 'UNKNOWN_CREDENTIALS'],
    ['InvalidSignatureException', mismatch, 'WRONG_SECRET'],
    ['InvalidSignatureException', 'Signature expired', undefined],
    ['AccessDeniedException', mismatch, undefined],
  ])('%s: %s', (symptom, message, code) => {
    expect(codeOf(symptom, message)).toBe(code)
  })
})
