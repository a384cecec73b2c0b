import { describe, expect, it } from 'vitest'
import { accessDenied } from '../../../../enclave/kms/diagnosis/access-denied.js'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'

const [ONE, TWO] = ['01'.repeat(48), '02'.repeat(48)]
const document = { pcrs: new Map([[0, Buffer.from(ONE, 'hex')]]), debugMode: false }

/** Of a refusal in AWS's words. */
const diagnosisFor = (message: string, failure: object = {}, expectedPcrs?: ReadonlyMap<number, string>) =>
  accessDenied({
    symptom: 'AccessDeniedException',
    message,
    operation: 'Decrypt',
    attested: {},
    document,
    client: { region: 'us-east-1', host: 'kms.us-east-1.amazonaws.com', expectedPcrs },
    ...failure,
  } as unknown as Failure)

describe('registers of another image', () => {
  it('are told one after the other', () => {
    const expected = new Map([
      [0, TWO],
      [1, ONE],
    ])
    expect(diagnosisFor('no', {}, expected)).toMatchObject({
      code: 'PCR_MISMATCH',
      likely:
        'This is another image than the policies are expected to want. ' +
        `PCR0 of this enclave is ${ONE}, expected is ${TWO}. PCR1 of this enclave is none, expected is ${ONE}.`,
    })
  })
  it('are none where they are the expected ones', () => {
    expect(diagnosisFor('no', {}, new Map([[0, ONE]]))).toEqual({
      code: 'ACCESS_DENIED',
      likely: 'A policy does not allow kms:Decrypt as it was called. The PCRs are the expected ones.',
      next: 'See the policies that have a say: identity, key, organization, VPC endpoint.',
    })
  })
})

describe('a refusal', () => {
  it('of what takes no document is one of policies alone', () => {
    const call = { operation: 'ListKeys', attested: undefined, document: undefined }
    expect(diagnosisFor('no', call)).toEqual({
      code: 'ACCESS_DENIED',
      likely: 'A policy does not allow kms:ListKeys as it was called.',
      next: 'See the policies that have a say: identity, key, organization, VPC endpoint.',
    })
  })
  it('of a call without a readable document is one of policies alone, too', () => {
    expect(diagnosisFor('no', { document: undefined })?.likely).toBe(
      'A policy does not allow kms:Decrypt as it was called.',
    )
  })
  it('of a call with a document tells what to compare with the policies', () => {
    expect(diagnosisFor('no')).toMatchObject({
      likely:
        'A policy does not allow kms:Decrypt as it was called. ' +
        `If a policy pins PCRs, it may want others than this enclave's, whose PCR0 is ${ONE}.`,
      next:
        'See the policies that have a say: identity, key, organization, VPC endpoint. ' +
        'Compare PCR0 with kms:RecipientAttestation:ImageSha384 or :PCR0 in the policies; the option `expectedPcrs` ' +
        'of createKmsClient compares by itself.',
    })
  })
  it.each([
    ['Decrypt', ''],
    ['GenerateRandom', ', for the resource *: no key takes part in it'],
    ['ListKeys', ''],
  ])('of a permission for %s says what it is for', (operation, resource) => {
    const words = 'because no identity-based policy allows it'
    const { next } = diagnosisFor(words, { operation, attested: undefined, document: undefined }) ?? {}
    const advice = `Allow kms:${operation} in a policy of the role or user that the message names${resource}.`
    expect(next?.startsWith(advice)).toBe(true)
  })
  it.each([
    ['because no identity-based policy allows the kms:Decrypt action', 'IDENTITY_POLICY'],
    ['because no Identity-Based Policy allows the kms:Decrypt action', 'IDENTITY_POLICY'],
    ['because no resource-based policy allows the kms:Decrypt action', 'KEY_POLICY'],
    ['because no permissions boundary allows the kms:Decrypt action', 'ACCESS_DENIED'],
    ['with an explicit deny in a service control policy', 'EXPLICIT_DENY'],
    [
      'The ciphertext refers to a key that does not exist in this region, or you are not allowed',
      'KEY_UNREACHABLE',
    ],
    ['in other words', 'ACCESS_DENIED'],
  ])('%s: %s', (message, code) => {
    expect(diagnosisFor(message)?.code).toBe(code)
  })
  it('is none where KMS says something else', () => {
    expect(diagnosisFor('no', { symptom: 'NotFoundException' })).toBeUndefined()
  })
})
