import { describe, expect, it } from 'vitest'
import { A, B, decide, IMAGE, PCR, policyOf, statement, when } from './policy-builders.js'

describe('evaluate', () => {
  const key = (n: number) => `${PCR}${n}`
  const cases: [string, object, Record<number, string> | undefined, string][] = [
    [
      'nothing stated for the action',
      policyOf(statement({ Action: 'kms:Decrypt' })),
      undefined,
      'implicitDeny',
    ],
    ['an unconditional allow', policyOf(statement()), undefined, 'allow'],
    [
      'a deny beside an allow',
      policyOf(statement(), statement({ Effect: 'Deny' })),
      undefined,
      'explicitDeny',
    ],
    [
      'a deny before an allow',
      policyOf(statement({ Effect: 'Deny' }), statement()),
      undefined,
      'explicitDeny',
    ],
    [
      'a deny that does not match',
      policyOf(statement(), ...when({ Null: { [IMAGE]: true } }, 'Deny').Statement),
      { 0: A },
      'allow',
    ],
    ['the pinned image', when({ StringEquals: { [IMAGE]: A } }), { 0: A }, 'allow'],
    ['another image', when({ StringEquals: { [IMAGE]: A } }), { 0: B }, 'implicitDeny'],
    ['no document', when({ StringEquals: { [IMAGE]: A } }), undefined, 'implicitDeny'],
    ['one of several values', when({ StringEquals: { [IMAGE]: [B, A] } }), { 0: A }, 'allow'],
    ['ImageSha384 is PCR0', when({ StringEquals: { [key(0)]: A, [IMAGE]: A } }), { 0: A }, 'allow'],
    ['PCR0 is not PCR1', when({ StringEquals: { [key(1)]: A } }), { 0: A, 1: B }, 'implicitDeny'],
    ['PCR31', when({ StringEquals: { [key(31)]: A } }), { 31: A }, 'allow'],
    ['keys are AND', when({ StringEquals: { [key(0)]: A, [key(1)]: A } }), { 0: A, 1: B }, 'implicitDeny'],
    [
      'operators are AND',
      when({ StringEquals: { [key(0)]: A }, Null: { [key(0)]: 'true' } }),
      { 0: A },
      'implicitDeny',
    ],
    [
      'StringEquals tells cases apart',
      when({ StringEquals: { [IMAGE]: A.toUpperCase() } }),
      { 0: A },
      'implicitDeny',
    ],
    [
      'StringEqualsIgnoreCase does not',
      when({ StringEqualsIgnoreCase: { [IMAGE]: A.toUpperCase() } }),
      { 0: A },
      'allow',
    ],
    [
      'StringEqualsIgnoreCase, other value',
      when({ StringEqualsIgnoreCase: { [IMAGE]: B } }),
      { 0: A },
      'implicitDeny',
    ],
    [
      'StringEqualsIgnoreCase, no document',
      when({ StringEqualsIgnoreCase: { [IMAGE]: A } }),
      undefined,
      'implicitDeny',
    ],
    ['StringNotEquals, other value', when({ StringNotEquals: { [IMAGE]: B } }), { 0: A }, 'allow'],
    ['StringNotEquals, equal', when({ StringNotEquals: { [IMAGE]: [B, A] } }), { 0: A }, 'implicitDeny'],
    [
      'StringNotEquals, upper case',
      when({ StringNotEquals: { [IMAGE]: A.toUpperCase() } }),
      { 0: A },
      'allow',
    ],
    ['StringNotEquals, no document', when({ StringNotEquals: { [IMAGE]: A } }), undefined, 'allow'],
    [
      'StringNotEqualsIgnoreCase, equal',
      when({ StringNotEqualsIgnoreCase: { [IMAGE]: A.toUpperCase() } }),
      { 0: A },
      'implicitDeny',
    ],
    [
      'StringNotEqualsIgnoreCase, no document',
      when({ StringNotEqualsIgnoreCase: { [IMAGE]: A } }),
      undefined,
      'allow',
    ],
    ['Null true, no document', when({ Null: { [IMAGE]: 'true' } }), undefined, 'allow'],
    ['Null true, present', when({ Null: { [IMAGE]: 'true' } }), { 0: A }, 'implicitDeny'],
    ['Null true, register missing', when({ Null: { [key(16)]: true } }), { 0: A }, 'allow'],
    ['Null false, no document', when({ Null: { [IMAGE]: false } }), undefined, 'implicitDeny'],
    ['Null false, present', when({ Null: { [IMAGE]: 'false' } }), { 0: A }, 'allow'],
    ['Null of both', when({ Null: { [IMAGE]: ['true', false] } }), undefined, 'allow'],
    [
      'deny unless the image',
      policyOf(statement(), ...when({ StringNotEquals: { [IMAGE]: A } }, 'Deny').Statement),
      { 0: B },
      'explicitDeny',
    ],
    ['condition keys in any case', when({ StringEquals: { [IMAGE.toLowerCase()]: A } }), { 0: A }, 'allow'],
    [
      'a key ARN does not cover GenerateRandom',
      policyOf(statement({ Resource: 'arn:aws:kms:us-east-1:1:key/1' })),
      undefined,
      'implicitDeny',
    ],
    ['a wildcard ARN does not either', policyOf(statement({ Resource: 'arn:*' })), undefined, 'implicitDeny'],
    [
      'one of several resources',
      policyOf(statement({ Resource: ['arn:aws:kms:*', '*'] })),
      undefined,
      'allow',
    ],
    [
      'one of several actions',
      policyOf(statement({ Action: ['kms:Decrypt', 'kms:Generate*'] })),
      undefined,
      'allow',
    ],
    ['all actions', policyOf(statement({ Action: '*' })), undefined, 'allow'],
    ['actions in any case', policyOf(statement({ Action: 'KMS:generaterandom' })), undefined, 'allow'],
    [
      'a question mark is one character',
      policyOf(statement({ Action: 'kms:GenerateRandom?' })),
      undefined,
      'implicitDeny',
    ],
  ]
  it.each(cases)('%s', (_, policy, recipient, decision) => {
    expect(decide(policy, recipient)).toBe(decision)
  })

  it('takes a single statement, a Sid, an Id and the older version', () => {
    const policy = { Version: '2008-10-17', Id: 'x', Statement: statement({ Sid: 'One1' }) }
    expect(decide(policy)).toBe('allow')
    expect(decide({ Statement: statement() })).toBe('allow')
  })

  it('tells the case of resources apart', () => {
    const policy = policyOf(statement({ Resource: 'arn:aws:kms:*:key/a?c' }))
    expect(decide(policy, undefined, 'kms:GenerateRandom', 'arn:aws:kms:us-east-1:1:key/abc')).toBe('allow')
    expect(decide(policy, undefined, 'kms:GenerateRandom', 'arn:aws:kms:us-east-1:1:key/ABC')).toBe(
      'implicitDeny',
    )
  })
})
