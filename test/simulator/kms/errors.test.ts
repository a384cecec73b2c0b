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
  const why = { resource: '*', policy: 'identity-based', explicit: false } as const
  const denial = accessDenied({ caller: 'arn:me', action: 'kms:GenerateRandom', ...why })
  expect(JSON.parse(errorBody(denial))).toEqual({
    __type: 'AccessDeniedException',
    Message:
      'User: arn:me is not authorized to perform: kms:GenerateRandom on resource: * because no identity-based ' +
      'policy allows the kms:GenerateRandom action',
  })
})

it('says which policy denies, and over which resource', () => {
  const about = { caller: 'arn:me', action: 'kms:A', resource: 'arn:key' }
  const texts = (['identity-based', 'resource-based'] as const).flatMap((policy) =>
    [false, true].map((explicit) => accessDenied({ ...about, policy, explicit }).message),
  )
  const denied = 'User: arn:me is not authorized to perform: kms:A on resource: arn:key'
  expect(texts).toEqual([
    `${denied} because no identity-based policy allows the kms:A action`,
    `${denied} with an explicit deny in an identity-based policy`,
    `${denied} because no resource-based policy allows the kms:A action`,
    `${denied} with an explicit deny in a resource-based policy`,
  ])
})

it('does not tell another account whether the key exists, or how it is denied', () => {
  const about = { caller: 'arn:me', action: 'kms:A', resource: 'arn:key', policy: 'resource-based' } as const
  const texts = [true, false].map((explicit) => accessDenied({ ...about, explicit, foreign: true }).message)
  expect(new Set(texts)).toEqual(
    new Set([
      'User: arn:me is not authorized to perform: kms:A on this resource because the resource does not exist in ' +
        'this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
    ]),
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
