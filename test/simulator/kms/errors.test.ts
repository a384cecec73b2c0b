import { expect, it } from 'vitest'
import {
  accessDenied,
  constraints,
  dependencyTimeout,
  errorBody,
  kmsInternal,
  validation,
} from '../../../simulator/kms/errors.js'

it('writes "Message" for AccessDeniedException and "message" for the rest', () => {
  expect(JSON.parse(errorBody(validation('no')))).toEqual({ __type: 'ValidationException', message: 'no' })
  expect(JSON.parse(errorBody(accessDenied('arn:me', 'kms:GenerateRandom', false)))).toEqual({
    __type: 'AccessDeniedException',
    Message:
      'User: arn:me is not authorized to perform: kms:GenerateRandom because no identity-based policy ' +
      'allows the kms:GenerateRandom action',
  })
})

it('names an explicit deny', () => {
  expect(accessDenied('arn:me', 'kms:GenerateRandom', true).message).toBe(
    'User: arn:me is not authorized to perform: kms:GenerateRandom with an explicit deny in an identity-based policy',
  )
})

it('counts the constraints', () => {
  expect(constraints(['a']).message).toBe('1 validation error detected: a')
  expect(constraints(['a', 'b']).message).toBe('2 validation errors detected: a; b')
})

it('makes the service faults HTTP 500', () => {
  expect([dependencyTimeout(), kmsInternal()].map(({ name, status }) => [name, status])).toEqual([
    ['DependencyTimeoutException', 500],
    ['KMSInternalException', 500],
  ])
})
