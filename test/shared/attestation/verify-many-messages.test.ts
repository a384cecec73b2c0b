import { expect, it } from 'vitest'
import type { Examination } from '../../../shared/attestation/verify.js'
import { fromPlain, toPlain } from '../../../shared/attestation/verify-many-messages.js'
import { FormatError, PolicyError, VerificationError } from '../../../shared/errors.js'

/** As from one thread to another. */
const sent = (examination: Examination): Examination => fromPlain(structuredClone(toPlain(examination)))

it.each([
  new FormatError('ERR_CBOR_DEPTH', 'no CBOR'),
  new PolicyError('ERR_POLICY_NONCE', 'another nonce'),
  new VerificationError('ERR_COSE_SIGNATURE', 'another signature'),
])('$name keeps its class, code and message between threads, and the rest of the examination', (error) => {
  const examination = { accepted: false, checks: [{ name: 'format' }], error } as unknown as Examination
  const got = sent(examination)
  if (got.accepted) throw new Error('accepted')
  const { error: there, ...rest } = got
  expect(there).toBeInstanceOf(error.constructor)
  expect(there).toMatchObject({ name: error.name, code: error.code, message: error.message })
  expect(rest).toEqual({ accepted: false, checks: [{ name: 'format' }] })
})

it('an examination that accepts is sent as it is', () => {
  const examination = { accepted: true, checks: [] } as unknown as Examination
  expect(sent(examination)).toEqual(examination)
})
