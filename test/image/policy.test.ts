import { describe, expect, it } from 'vitest'
import { PINNED_ACTIONS, pinningPolicy, zeroRegisters } from '../../image/policy.js'
import { decide } from '../simulator/kms/policy/policy-builders.js'
import { refusal } from '../support/errors.js'

const ROLE = 'arn:aws:iam::123456789012:role/parent'
const [A, B, C] = ['aa'.repeat(48), 'bb'.repeat(48), 'cc'.repeat(48)]
const measurements = { HashAlgorithm: 'Sha384 { ... }', PCR0: A, PCR1: B, PCR2: C, PCR8: C }

describe('a policy for GenerateRandom', () => {
  it('is a document for the role: no principal, every resource', () => {
    expect(pinningPolicy({ action: 'GenerateRandom', measurements })).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'kms:GenerateRandom',
          Resource: '*',
          Condition: { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': A } },
        },
      ],
    })
  })

  it('is one that the simulated KMS enforces', () => {
    const policy = pinningPolicy({ action: 'GenerateRandom', measurements, registers: [1, 8] })
    expect(decide(policy, { 0: A, 1: B, 8: C })).toBe('allow')
    expect(decide(policy, { 0: A, 1: B })).toBe('implicitDeny')
    expect(decide(policy, { 0: B, 1: B, 8: C })).toBe('implicitDeny')
    expect(decide(policy, undefined)).toBe('implicitDeny')
  })
})

describe('a statement for a key policy', () => {
  it.each(PINNED_ACTIONS.filter((action) => action !== 'GenerateRandom'))(
    'allows %s to the role',
    (action) => {
      expect(pinningPolicy({ action, measurements, role: ROLE, registers: [1, 2, 8] })).toEqual({
        Sid: `Enclave${action}`,
        Effect: 'Allow',
        Principal: { AWS: ROLE },
        Action: `kms:${action}`,
        Resource: '*',
        Condition: {
          StringEqualsIgnoreCase: {
            'kms:RecipientAttestation:ImageSha384': A,
            'kms:RecipientAttestation:PCR1': B,
            'kms:RecipientAttestation:PCR2': C,
            'kms:RecipientAttestation:PCR8': C,
          },
        },
      })
    },
  )

  it('takes a role', async () => {
    const { code, message } = await refusal(() => pinningPolicy({ action: 'Decrypt', measurements }))
    expect([code, message]).toEqual(['ERR_USAGE', expect.stringContaining('who is allowed Decrypt')])
  })

  it.each([
    ROLE,
    'arn:aws-cn:iam::123456789012:role/parent',
    'arn:aws-us-gov:iam::123456789012:role/a/path/parent',
    'arn:aws-iso-b:iam::123456789012:role/with+=,.@-_all',
  ])('takes the role %s', (role) => {
    expect(pinningPolicy({ action: 'Decrypt', measurements, role })).toMatchObject({
      Principal: { AWS: role },
    })
  })

  it.each([
    '',
    '*',
    'parent',
    'arn:aws:iam::123456789012:role/',
    'arn:aws:iam::123456789012:role/*',
    ['arn:aws:iam::123456789012:role/$', '{aws:username}'].join(''),
    'arn:aws:iam::123456789012:user/parent',
    'arn:aws:iam::123456789012:root',
    'arn:aws:iam::12345678901:role/parent',
    'arn:aws:iam:us-east-1:123456789012:role/parent',
    'arn:aws:sts::123456789012:assumed-role/parent/i-0',
    'arn:other:iam::123456789012:role/parent',
    `${ROLE}\n`,
    ` ${ROLE}`,
    `arn:aws:iam::123456789012:role/${'x'.repeat(65)}`,
  ])('refuses the role %j', async (role) => {
    for (const action of ['Decrypt', 'GenerateRandom'] as const) {
      expect((await refusal(() => pinningPolicy({ action, measurements, role }))).message).toContain('ARN')
    }
  })
})

describe('the registers', () => {
  const refused = async (changed: object, registers: readonly number[] = []) =>
    (
      await refusal(() =>
        pinningPolicy({ action: 'GenerateRandom', measurements: { ...changed } as never, registers }),
      )
    ).message

  it('are written in lower case', () => {
    const policy = pinningPolicy({ action: 'GenerateRandom', measurements: { PCR0: A.toUpperCase() } })
    expect(JSON.stringify(policy)).toContain(A)
  })

  it('must be there, and be registers', async () => {
    expect(await refused({})).toBe('the measurements have no PCR0')
    expect(await refused({ PCR0: A }, [8])).toContain('no PCR8: the image is not signed')
    for (const PCR0 of ['', 'aa', `${A}00`, 'zz'.repeat(48), 7, null, [A]]) {
      expect(await refused({ PCR0 })).toBe('PCR0 is not 96 hex digits')
    }
    for (const index of [-1, 32, 1.5, Number.NaN]) {
      expect(await refused({ PCR0: A }, [index])).toBe('a register has a number from 0 to 31')
    }
  })

  it('that are zero are told apart', () => {
    const zero = '0'.repeat(96)
    expect(zeroRegisters({ measurements })).toEqual([])
    expect(zeroRegisters({ measurements: { PCR0: zero, PCR1: zero, PCR2: A } })).toEqual([0])
    expect(
      zeroRegisters({ measurements: { PCR0: A, PCR1: zero, PCR2: zero }, registers: [2, 1, 2] }),
    ).toEqual([2, 1])
  })
})
