import { describe, expect, it } from 'vitest'
import { parsePolicy, pinningPolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { A, B, decide, IMAGE, PCR, policyOf, statement, when } from './policy-builders.js'

const KEYS = 'kms:EncryptionContextKeys'
const GRANT = 'kms:GrantIsForAWSResource'

describe('parsePolicy', () => {
  const refused: [string, unknown, string][] = [
    ['not JSON', '{', 'policy is not JSON'],
    ['a number', 5, 'policy must be an object'],
    ['a list', [], 'policy must be an object'],
    ['null', null, 'policy must be an object'],
    ['nothing in it', {}, 'policy must not be empty'],
    ['no Statement', { Version: '2012-10-17' }, 'Statement is missing'],
    ['an unknown member', { ...policyOf(statement()), Extra: 1 }, 'Extra is not supported'],
    ['an unknown Version', { Version: '2020-01-01', Statement: statement() }, 'Version must be'],
    ['an Id of a wrong type', { Id: 1, Statement: statement() }, 'Id must be a string'],
    ['an empty Statement', { Statement: [] }, 'Statement must not be empty'],
    ['a Statement that is text', { Statement: ['x'] }, 'Statement[0] must be an object'],
    ['NotAction', policyOf(statement({ NotAction: 'kms:*' })), 'Statement[0].NotAction is not supported'],
    ['NotResource', policyOf(statement({ NotResource: '*' })), 'Statement[0].NotResource is not supported'],
    [
      'Principal',
      policyOf(statement(), statement({ Principal: '*' })),
      'Statement[1].Principal is not supported',
    ],
    [
      '__proto__',
      `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","__proto__":{}}}`,
      'Statement.__proto__ is not supported',
    ],
    ['a Sid of a wrong type', policyOf(statement({ Sid: 1 })), 'Statement[0].Sid must be a string'],
    ['a Sid with a blank', policyOf(statement({ Sid: 'a b' })), 'Statement[0].Sid takes'],
    ['a Sid twice', policyOf(statement({ Sid: 'a' }), statement({ Sid: 'a' })), 'Statement has a Sid twice'],
    ['an unknown Effect', policyOf(statement({ Effect: 'allow' })), 'Statement[0].Effect must be'],
    ['no Action', policyOf({ Effect: 'Allow', Resource: '*' }), 'Statement[0].Action is missing'],
    ['no Resource', policyOf({ Effect: 'Allow', Action: '*' }), 'Statement[0].Resource is missing'],
    ['an empty Action list', policyOf(statement({ Action: [] })), 'Statement[0].Action must not be empty'],
    [
      'an empty Resource list',
      policyOf(statement({ Resource: [] })),
      'Statement[0].Resource must not be empty',
    ],
    [
      'an Action of a wrong type',
      policyOf(statement({ Action: ['*', 5] })),
      'Statement[0].Action[1] must be a string',
    ],
    [
      'an Action without a service',
      policyOf(statement({ Action: 'GenerateRandom' })),
      'Statement[0].Action must be',
    ],
    [
      'a Resource that is no ARN',
      policyOf(statement({ Resource: 'key/1' })),
      'Statement[0].Resource must be',
    ],
    [
      'a variable in a Resource',
      policyOf(statement({ Resource: `arn:aws:kms:\${aws:x}` })),
      'Statement[0].Resource has a policy variable',
    ],
    ['an empty Condition', when({}), 'Statement[0].Condition must not be empty'],
    ['a Condition of a wrong type', when([]), 'Statement[0].Condition must be an object'],
    [
      'NumericEquals',
      when({ NumericEquals: { [IMAGE]: A } }),
      'Statement[0].Condition.NumericEquals is not supported',
    ],
    [
      'an operator in another case',
      when({ stringEquals: { [IMAGE]: A } }),
      'Statement[0].Condition.stringEquals is not supported',
    ],
    [
      'a suffix twice',
      when({ StringEqualsIfExistsIfExists: { [IMAGE]: A } }),
      'Statement[0].Condition.StringEqualsIfExistsIfExists is not supported',
    ],
    [
      'an unknown set operator',
      when({ 'ForNoValue:StringEquals': { [KEYS]: 'a' } }),
      'Statement[0].Condition.ForNoValue:StringEquals is not supported',
    ],
    ['Null with a suffix', when({ NullIfExists: { [IMAGE]: 'true' } }), 'Null stands alone'],
    ['Null with a set operator', when({ 'ForAnyValue:Null': { [KEYS]: 'true' } }), 'Null stands alone'],
    [
      'a set operator over one value',
      when({ 'ForAnyValue:StringEquals': { [IMAGE]: A } }),
      `Statement[0].Condition.ForAnyValue:StringEquals.${IMAGE} has one value: write the operator without ForAnyValue:`,
    ],
    [
      'several values without a set operator',
      when({ StringEquals: { [KEYS]: 'a' } }),
      `Statement[0].Condition.StringEquals.${KEYS} may have several values: write ForAnyValue:`,
    ],
    ['Bool over a text', when({ Bool: { [IMAGE]: 'true' } }), `${IMAGE} does not take the operator Bool`],
    [
      'a text over a Bool',
      when({ StringEquals: { [GRANT]: 'true' } }),
      `${GRANT} does not take the operator StringEquals`,
    ],
    ['an odd value of Bool', when({ Bool: { [GRANT]: 'yes' } }), `Bool.${GRANT} must be "true" or "false"`],
    ['an ARN operator over a hash', when({ ArnLike: { [IMAGE]: A } }), 'does not take the operator ArnLike'],
    [
      'an ARN of five parts',
      when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*' } }),
      'aws:PrincipalArn must be an ARN of six parts',
    ],
    [
      'an ARN of seven parts',
      when({ ArnEquals: { 'aws:PrincipalArn': 'arn:*:iam:*:*:*:*' } }),
      'aws:PrincipalArn must be an ARN of six parts',
    ],
    [
      'an encryption context without a key',
      when({ StringEquals: { 'kms:EncryptionContext:': 'a' } }),
      'kms:EncryptionContext: is not a supported condition key',
    ],
    [
      'a context key in two cases',
      when({ StringEquals: { 'kms:EncryptionContext:a': 'x', 'kms:EncryptionContext:A': 'x' } }),
      'appears twice',
    ],
    [
      'a name of every object',
      when({ StringEquals: { constructor: 'a' } }),
      'constructor is not a supported condition key',
    ],
    ['no keys', when({ StringEquals: {} }), 'Statement[0].Condition.StringEquals must not be empty'],
    [
      'a foreign key',
      when({ StringEquals: { 'aws:SourceIp': A } }),
      'Statement[0].Condition.StringEquals.aws:SourceIp is not a supported condition key',
    ],
    [
      'a bare key',
      when({ Null: { 'kms:RecipientAttestation': 'true' } }),
      'kms:RecipientAttestation is not a supported condition key',
    ],
    [
      'NitroTPM',
      when({ StringEquals: { 'kms:RecipientAttestation:NitroTPMPCR4': A } }),
      'NitroTPMPCR4 is not a supported condition key',
    ],
    ['PCR32', when({ StringEquals: { [`${PCR}32`]: A } }), 'PCR32 is not a supported condition key'],
    ['PCR00', when({ StringEquals: { [`${PCR}00`]: A } }), 'PCR00 is not a supported condition key'],
    ['PCR', when({ StringEquals: { [PCR]: A } }), 'PCR is not a supported condition key'],
    [
      'a Kelvin sign',
      when({ StringEquals: { [IMAGE.replace('k', '\u212a')]: A } }),
      'is not a supported condition key',
    ],
    ['a key in two cases', when({ StringEquals: { [IMAGE]: A, [IMAGE.toUpperCase()]: B } }), 'appears twice'],
    [
      'an empty list of values',
      when({ StringEquals: { [IMAGE]: [] } }),
      `StringEquals.${IMAGE} must not be empty`,
    ],
    [
      'a value of a wrong type',
      when({ StringEquals: { [IMAGE]: [A, 5] } }),
      `StringEquals.${IMAGE}[1] must be a string`,
    ],
    ['a variable in a value', when({ StringEquals: { [IMAGE]: `\${aws:userid}` } }), 'has a policy variable'],
    ['an odd value of Null', when({ Null: { [IMAGE]: 'yes' } }), `Null.${IMAGE} must be "true" or "false"`],
    ['an empty list for Null', when({ Null: { [IMAGE]: [] } }), `Null.${IMAGE} must not be empty`],
    [
      'an operator twice',
      `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"${IMAGE}":"true"},"\\u004eull" :{"${PCR}1":"true"}}}}`,
      'Null appears twice in one object',
    ],
  ]
  it.each(refused)('refuses %s', (_, policy, message) => {
    expect(() => parsePolicy(policy)).toThrow(
      expect.objectContaining({ code: 'ERR_IAM_POLICY', message: expect.stringContaining(message) }),
    )
  })

  it('reads text and its value alike, and equal names in different objects', () => {
    const policy = policyOf(statement(), statement({ Condition: { Null: { [IMAGE]: ['true', 'a"{[:'] } } }))
    expect(() => parsePolicy(JSON.stringify(policy))).toThrow('Null')
    const fine = policyOf(
      statement({ Sid: 'a' }),
      statement({ Sid: 'b', Condition: { StringEquals: { [IMAGE]: 'a\\"{[:' } } }),
    )
    expect(parsePolicy(JSON.stringify(fine, null, 2))).toEqual(parsePolicy(fine))
  })
})

describe('pinningPolicy', () => {
  it('allows the one image, given as bytes or as hex', () => {
    for (const pcr0 of [Buffer.from(A, 'hex'), A, A.toUpperCase()]) {
      const policy = pinningPolicy(pcr0)
      expect(policy).toEqual(when({ StringEqualsIgnoreCase: { [IMAGE]: A } }))
      expect(decide(policy, { 0: A })).toBe('allow')
      expect(decide(policy, { 0: B })).toBe('implicitDeny')
      expect(decide(policy)).toBe('implicitDeny')
    }
  })

  it.each([['ab'], ['zz'.repeat(48)], [Buffer.alloc(32, 1)]])('refuses %s', (pcr0) => {
    expect(() => pinningPolicy(pcr0)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })
})
