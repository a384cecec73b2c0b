import { expect, it } from 'vitest'
import { attestedCall, recordAnswer, recordAttestedCall } from '../../../enclave/kms/attested-call.js'

const call = () => ({ operation: 'Decrypt', publicKey: Uint8Array.of(1), document: Uint8Array.of(2) })

it('of an attested call is known what went, and then what came', () => {
  const context = {}
  recordAttestedCall(context, call())
  expect(attestedCall(context)).toEqual(call())
  recordAnswer(context, Uint8Array.of(3))
  expect(attestedCall(context)).toEqual({ ...call(), ciphertextForRecipient: Uint8Array.of(3) })
})

it('of another call nothing is known, whatever comes', () => {
  recordAttestedCall({}, call())
  const context = {}
  recordAnswer(context, Uint8Array.of(3))
  expect(attestedCall(context)).toBeUndefined()
})
