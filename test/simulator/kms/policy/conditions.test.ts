import { describe, expect, it } from 'vitest'
import { callerOf } from '../../../../simulator/kms/policy/caller.js'
import { evaluate } from '../../../../simulator/kms/policy/policy.js'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { ARN } from '../support.js'
import { A, B, IMAGE, pcrs, when } from './policy-builders.js'

const CONTEXT = 'kms:EncryptionContext:Purpose'
const KEYS = 'kms:EncryptionContextKeys'
type Context = Record<string, string>

interface Facts {
  readonly context?: Context | undefined
  readonly registers?: Record<number, string> | undefined
  readonly arn?: string
}

/** Whether an Allow statement under this condition lets the request in. */
function meets(condition: object, facts: Facts) {
  const { decision } = evaluate(parsePolicy(when(condition)), {
    action: 'kms:GenerateRandom',
    resource: '*',
    caller: facts.arn === undefined ? undefined : callerOf(facts.arn),
    recipientPcrs: facts.registers && pcrs(facts.registers),
    encryptionContext: facts.context,
  })
  return decision === 'allow'
}

describe('encryption context', () => {
  const cases: [string, object, Context | undefined, boolean][] = [
    ['the value of the pair', { StringEquals: { [CONTEXT]: 'db' } }, { Purpose: 'db' }, true],
    ['other pairs beside it', { StringEquals: { [CONTEXT]: 'db' } }, { Other: 'x', Purpose: 'db' }, true],
    ['another value', { StringEquals: { [CONTEXT]: 'db' } }, { Purpose: 'DB' }, false],
    ['its value under another key', { StringEquals: { [CONTEXT]: 'db' } }, { Other: 'db' }, false],
    ['no context', { StringEquals: { [CONTEXT]: 'db' } }, undefined, false],
    ['the key in another case', { StringEquals: { [CONTEXT]: 'db' } }, { PURPOSE: 'db' }, true],
    ['a value in another case', { StringEqualsIgnoreCase: { [CONTEXT]: 'DB' } }, { Purpose: 'db' }, true],
    [
      'a value in another case, the request',
      { StringEqualsIgnoreCase: { [CONTEXT]: 'db' } },
      { Purpose: 'Db' },
      true,
    ],
    [
      'a prefix in another case',
      { StringEquals: { [CONTEXT.toUpperCase()]: 'db' } },
      { Purpose: 'db' },
      true,
    ],
    [
      'a key with colons',
      { StringEquals: { 'kms:EncryptionContext:aws:s3:arn': 'x' } },
      { 'aws:s3:arn': 'x' },
      true,
    ],
    [
      'both of two pairs',
      { StringEquals: { [CONTEXT]: 'db', 'kms:EncryptionContext:b': '1' } },
      { Purpose: 'db' },
      false,
    ],
    [
      'one of two keys that differ in case',
      { StringEquals: { [CONTEXT]: 'db' } },
      { purpose: 'x', Purpose: 'db' },
      true,
    ],
    [
      'the opposite of that',
      { StringNotEquals: { [CONTEXT]: 'db' } },
      { purpose: 'x', Purpose: 'db' },
      false,
    ],
    ['a key that is absent', { Null: { [CONTEXT]: 'true' } }, { Other: 'x' }, true],
    ['a key that is there', { Null: { [CONTEXT]: 'false' } }, { Purpose: '' }, true],
  ]
  it.each(cases)('%s', (_, condition, context, expected) => {
    expect(meets(condition, { context })).toBe(expected)
  })
})

describe('keys of the encryption context', () => {
  const cases: [string, string, string[], Context | undefined, boolean][] = [
    ['one of the wanted', 'ForAnyValue:StringEquals', ['a', 'b'], { x: '', b: '' }, true],
    ['none of the wanted', 'ForAnyValue:StringEquals', ['a', 'b'], { x: '' }, false],
    ['any of none', 'ForAnyValue:StringEquals', ['a'], undefined, false],
    ['any of none, negated', 'ForAnyValue:StringNotEquals', ['a'], {}, false],
    ['any of none, if it exists', 'ForAnyValue:StringEqualsIfExists', ['a'], undefined, true],
    ['another than the named', 'ForAnyValue:StringNotEquals', ['a', 'b'], { a: '', x: '' }, true],
    ['no other than the named', 'ForAnyValue:StringNotEquals', ['a', 'b'], { a: '', b: '' }, false],
    ['only wanted', 'ForAllValues:StringEquals', ['a', 'b'], { a: '' }, true],
    ['one too many', 'ForAllValues:StringEquals', ['a', 'b'], { a: '', x: '' }, false],
    ['all of none', 'ForAllValues:StringEquals', ['a'], undefined, true],
    ['none of the named', 'ForAllValues:StringNotEquals', ['a'], { x: '', y: '' }, true],
    ['one of the named', 'ForAllValues:StringNotEquals', ['a'], { x: '', a: '' }, false],
    ['the case of a key', 'ForAnyValue:StringEquals', ['A'], { a: '' }, false],
    ['whatever the case of a key', 'ForAnyValue:StringEqualsIgnoreCase', ['A'], { a: '' }, true],
    ['a pattern', 'ForAllValues:StringLike', ['a?', 'b*'], { a1: '', bcd: '' }, true],
    ['no pattern', 'ForAllValues:StringLike', ['a?'], { a1: '', a22: '' }, false],
  ]
  it.each(cases)('%s', (_, operator, values, context, expected) => {
    expect(meets({ [operator]: { [KEYS]: values } }, { context })).toBe(expected)
  })

  it('are absent without a context', () => {
    expect(meets({ Null: { [KEYS]: 'false' } }, { context: {} })).toBe(false)
    expect(meets({ Null: { [KEYS]: 'false' } }, { context: { a: '' } })).toBe(true)
  })
})

describe('operators', () => {
  const cases: [string, object, Record<number, string> | undefined, boolean][] = [
    ['StringLike, a star', { StringLike: { [IMAGE]: 'ab*ab' } }, { 0: A }, true],
    ['StringLike, another', { StringLike: { [IMAGE]: 'ab*cd' } }, { 0: A }, false],
    ['StringLike, the case', { StringLike: { [IMAGE]: 'AB*' } }, { 0: A }, false],
    ['StringLike, absent', { StringLike: { [IMAGE]: '*' } }, undefined, false],
    ['StringNotLike, another', { StringNotLike: { [IMAGE]: ['cd*', 'ef*'] } }, { 0: A }, true],
    ['StringNotLike, one of them', { StringNotLike: { [IMAGE]: ['cd*', 'ab*'] } }, { 0: A }, false],
    ['StringNotLike, absent', { StringNotLike: { [IMAGE]: '*' } }, undefined, true],
    ['StringEquals takes a star as it is', { StringEquals: { [IMAGE]: '*' } }, { 0: A }, false],
    ['StringEqualsIfExists, equal', { StringEqualsIfExists: { [IMAGE]: A } }, { 0: A }, true],
    ['StringEqualsIfExists, another', { StringEqualsIfExists: { [IMAGE]: A } }, { 0: B }, false],
    ['StringEqualsIfExists, absent', { StringEqualsIfExists: { [IMAGE]: A } }, undefined, true],
    ['StringNotEqualsIfExists, equal', { StringNotEqualsIfExists: { [IMAGE]: A } }, { 0: A }, false],
    ['StringNotEqualsIfExists, absent', { StringNotEqualsIfExists: { [IMAGE]: A } }, undefined, true],
    ['StringLikeIfExists, absent', { StringLikeIfExists: { [IMAGE]: A } }, undefined, true],
    ['StringNotLikeIfExists, alike', { StringNotLikeIfExists: { [IMAGE]: '*' } }, { 0: A }, false],
    ['StringEqualsIgnoreCaseIfExists', { StringEqualsIgnoreCaseIfExists: { [IMAGE]: B } }, { 0: A }, false],
    [
      'StringNotEqualsIgnoreCaseIfExists',
      { StringNotEqualsIgnoreCaseIfExists: { [IMAGE]: B } },
      { 0: A },
      true,
    ],
  ]
  it.each(cases)('%s', (_, condition, registers, expected) => {
    expect(meets(condition, { registers })).toBe(expected)
  })
})

describe('caller', () => {
  const role = 'arn:aws:iam::123456789012:role/enclave'
  const user = 'arn:aws:iam::123456789012:user/team/alice'
  const cases: [string, object, string, boolean][] = [
    ['a session is its role', { StringEquals: { 'aws:PrincipalArn': role } }, ARN, true],
    ['a session is not itself', { StringEquals: { 'aws:PrincipalArn': ARN } }, ARN, false],
    ['a user is itself', { StringEquals: { 'AWS:principalarn': user } }, user, true],
    ['a pattern', { StringLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/team/*' } }, user, true],
    ['ArnEquals', { ArnEquals: { 'aws:PrincipalArn': role } }, ARN, true],
    ['ArnEquals, another', { ArnEquals: { 'aws:PrincipalArn': `${role}2` } }, ARN, false],
    ['ArnEquals, a pattern', { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/en?lave' } }, ARN, true],
    ['ArnLike, all of a path', { ArnLike: { 'aws:PrincipalArn': 'arn:*:iam::*:user/team/*' } }, user, true],
    ['ArnLike, the case', { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/TEAM/*' } }, user, false],
    ['ArnNotLike, alike', { ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/*' } }, user, false],
    ['ArnNotEquals, none of them', { ArnNotEquals: { 'aws:PrincipalArn': [role, `${role}2`] } }, user, true],
    ['ArnNotEquals, one of them', { ArnNotEquals: { 'aws:PrincipalArn': [role, user] } }, user, false],
    ['ArnLikeIfExists', { ArnLikeIfExists: { 'aws:PrincipalArn': role } }, user, false],
    ['the account', { StringEquals: { 'kms:CallerAccount': '123456789012' } }, ARN, true],
    ['another account', { StringEquals: { 'kms:CallerAccount': '210987654321' } }, user, false],
  ]
  it.each(cases)('%s', (_, condition, arn, expected) => {
    expect(meets(condition, { arn })).toBe(expected)
  })
})

describe('keys that only services have', () => {
  it('are absent: nobody calls for a service here', () => {
    expect(meets({ Bool: { 'kms:GrantIsForAWSResource': true } }, { arn: ARN })).toBe(false)
    expect(meets({ Bool: { 'kms:GrantIsForAWSResource': 'false' } }, { arn: ARN })).toBe(false)
    expect(meets({ StringEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } }, { arn: ARN })).toBe(
      false,
    )
    expect(
      meets({ StringNotEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } }, { arn: ARN }),
    ).toBe(true)
  })
})
