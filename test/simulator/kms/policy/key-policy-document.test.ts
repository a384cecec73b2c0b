import { describe, expect, it } from 'vitest'
import {
  defaultKeyPolicy,
  parseKeyPolicy,
  parsePolicy,
  wantedPcrs,
} from '../../../../simulator/kms/policy/policy-document.js'
import { A, B, IMAGE, PCR, policyOf, statement } from './policy-builders.js'

const ROOT = 'arn:aws:iam::123456789012:root'
const named = (Principal: unknown) => policyOf(statement({ Principal }))

describe('parseKeyPolicy', () => {
  const refused: [string, unknown, string][] = [
    ['no Principal', policyOf(statement()), 'Statement[0].Principal is missing'],
    [
      'NotPrincipal',
      policyOf(statement({ NotPrincipal: { AWS: ROOT } })),
      'Statement[0].NotPrincipal is not supported',
    ],
    ['a Principal that is text', named(ROOT), 'Statement[0].Principal must be an object'],
    ['a list of Principals', named(['*']), 'Statement[0].Principal must be an object'],
    ['an empty Principal', named({}), 'Statement[0].Principal must not be empty'],
    ['nobody', named({ AWS: [] }), 'Statement[0].Principal.AWS must not be empty'],
    ['null', named(null), 'Statement[0].Principal must be an object'],
    ['Federated', named({ Federated: 'accounts.google.com' }), 'Principal.Federated is not supported'],
    ['CanonicalUser', named({ CanonicalUser: 'a'.repeat(64) }), 'Principal.CanonicalUser is not supported'],
    ['AWS in another case', named({ aws: ROOT }), 'Principal.aws is not supported'],
    ['a number', named({ AWS: 123456789012 }), 'Principal.AWS must be a string'],
    ['an account of 11 digits', named({ AWS: '12345678901' }), 'Principal.AWS must be "*", an account'],
    ['a principal of a wrong kind', named({ AWS: [ROOT, 'x'] }), 'Principal.AWS[1] must be "*", an account'],
    ['a group', named({ AWS: 'arn:aws:iam::123456789012:group/g' }), 'Principal.AWS must be'],
    ['a unique id', named({ AWS: 'AROAEXAMPLEID1234567' }), 'Principal.AWS must be'],
    ['a wildcard in a role', named({ AWS: 'arn:aws:iam::123456789012:role/a*' }), 'without wildcards'],
    ['a wildcard in a path', named({ AWS: 'arn:aws:iam::123456789012:role/*/a' }), 'without wildcards'],
    ['a wildcard for an account', named({ AWS: 'arn:aws:iam::*:root' }), 'without wildcards'],
    ['a role without a name', named({ AWS: 'arn:aws:iam::123456789012:role/a/' }), 'Principal.AWS must be'],
    [
      'a session without a name',
      named({ AWS: 'arn:aws:sts::123456789012:assumed-role/a' }),
      'Principal.AWS must be',
    ],
    [
      'a session of iam',
      named({ AWS: 'arn:aws:iam::123456789012:assumed-role/a/bc' }),
      'Principal.AWS must be',
    ],
    ['a role of sts', named({ AWS: 'arn:aws:sts::123456789012:role/a' }), 'Principal.AWS must be'],
    ['a foreign cloud', named({ AWS: 'arn:gcp:iam::123456789012:root' }), 'Principal.AWS must be'],
    ['a line break', named({ AWS: `${ROOT}\n` }), 'Principal.AWS must be'],
    ['no service', named({ Service: 'ec2' }), 'Principal.Service must be a service principal'],
    ['all services', named({ Service: '*' }), 'Principal.Service must be a service principal'],
    ['a Sid twice', policyOf(...[1, 2].map(() => statement({ Sid: 'a b', Principal: '*' }))), 'Sid twice'],
    ['a Sid of a wrong type', policyOf(statement({ Sid: 1, Principal: '*' })), 'Sid must be a string'],
    [
      'a principal twice in the text',
      '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"*","AWS":"*"}}}',
      'AWS appears twice',
    ],
    [
      'an odd condition',
      policyOf(statement({ Principal: '*', Condition: { StringEquals: { 'aws:SourceIp': 'x' } } })),
      'aws:SourceIp is not a supported condition key',
    ],
  ]
  it.each(refused)('refuses %s', (_, policy, message) => {
    expect(() => parseKeyPolicy(policy)).toThrow(
      expect.objectContaining({ code: 'ERR_IAM_POLICY', message: expect.stringContaining(message) }),
    )
  })

  it('takes blanks in a Sid, and the policies that the KMS console writes', () => {
    const people = { AWS: ['arn:aws:iam::123456789012:user/a/b', 'arn:aws:iam::123456789012:role/Admin'] }
    const policy = {
      Version: '2012-10-17',
      Id: 'key-consolepolicy-3',
      Statement: [
        statement({ Sid: 'Enable IAM User Permissions', Principal: { AWS: ROOT }, Action: 'kms:*' }),
        statement({ Sid: 'Allow access for Key Administrators', Principal: people, Action: 'kms:Put*' }),
        statement({
          Sid: 'Allow attachment of persistent resources',
          Principal: people,
          Action: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
          Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
        }),
        statement({ Sid: 'Logs', Principal: { Service: 'logs.us-east-1.amazonaws.com', AWS: ROOT } }),
      ],
    }
    expect(parseKeyPolicy(JSON.stringify(policy)).statements).toHaveLength(4)
  })

  it('reads the default policy', () => {
    expect(parseKeyPolicy(defaultKeyPolicy('123456789012', 'aws-cn'))).toEqual(
      parseKeyPolicy({
        Statement: {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws-cn:iam::123456789012:root' },
          Action: 'kms:*',
          Resource: '*',
        },
      }),
    )
  })
})

describe('wantedPcrs', () => {
  const pinned = (Effect: string, Condition: object) => statement({ Effect, Condition, Principal: '*' })

  it('gathers what Allow statements pin, in lower case and once', () => {
    const policy = parseKeyPolicy(
      policyOf(
        pinned('Allow', { StringEqualsIgnoreCase: { [IMAGE]: A.toUpperCase(), [`${PCR}8`]: [A, B] } }),
        pinned('Allow', { StringEquals: { [`${PCR}0`]: [B, A] } }),
      ),
    )
    expect(wantedPcrs(policy)).toEqual(
      new Map([
        [0, [A, B]],
        [8, [A, B]],
      ]),
    )
  })

  it('passes over Deny statements, patterns and what is excluded', () => {
    const conditions = [{ StringLike: { [IMAGE]: 'ab*' } }, { StringNotEquals: { [IMAGE]: A } }]
    const statements = [
      pinned('Deny', { StringEquals: { [IMAGE]: A } }),
      ...conditions.map((one) => pinned('Allow', one)),
    ]
    expect(wantedPcrs(parseKeyPolicy(policyOf(...statements))).size).toBe(0)
    expect(wantedPcrs(parsePolicy(policyOf(statement()))).size).toBe(0)
  })
})
