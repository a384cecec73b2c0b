import { expect, it } from 'vitest'
import { callerOf } from '../../../../simulator/kms/policy/caller.js'

it('reads a session of a role, and a user', () => {
  expect(callerOf('arn:aws-us-gov:sts::123456789012:assumed-role/enclave/i-0')).toMatchObject({
    partition: 'aws-us-gov',
    account: '123456789012',
    principalArn: 'arn:aws-us-gov:iam::123456789012:role/enclave',
  })
  const user = 'arn:aws:iam::123456789012:user/team/alice'
  expect(callerOf(user)).toMatchObject({ arn: user, account: '123456789012', principalArn: user })
})

it.each([
  [''],
  ['arn:aws:iam::123456789012:root'],
  ['arn:aws:iam::123456789012:role/enclave'],
  ['arn:aws:sts::123456789012:assumed-role/enclave'],
  ['arn:aws:sts::123456789012:assumed-role/enclave/'],
  ['arn:aws:sts::123456789012:assumed-role/enclave/s'],
  ['arn:aws:sts::123456789012:federated-user/bob'],
  ['arn:aws:sts::12345678901:assumed-role/enclave/session'],
  ['arn:aws:iam::123456789012:user/'],
])('refuses %s, and says what it takes', (arn) => {
  expect(() => callerOf(arn)).toThrow(
    expect.objectContaining({
      code: 'ERR_USAGE',
      message: expect.stringContaining('assumed-role/enclave/session'),
    }),
  )
})
