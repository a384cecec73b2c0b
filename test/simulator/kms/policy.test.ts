import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, parsePolicy, pinningPolicy } from '../../../simulator/kms/policy.js'

const A = 'ab'.repeat(48)
const B = 'cd'.repeat(48)
const IMAGE = 'kms:RecipientAttestation:ImageSha384'
const PCR = 'kms:RecipientAttestation:PCR'

const pcrs = (values: Record<number, string>) =>
  new Map(Object.entries(values).map(([index, hex]) => [Number(index), Buffer.from(hex, 'hex')]))

const statement = (parts: object = {}) => ({
  Effect: 'Allow',
  Action: 'kms:GenerateRandom',
  Resource: '*',
  ...parts,
})
const policyOf = (...statements: object[]) => ({ Version: '2012-10-17', Statement: statements })
const when = (Condition: object, Effect = 'Allow') => policyOf(statement({ Effect, Condition }))

function decide(
  policy: object,
  recipient?: Record<number, string>,
  action = 'kms:GenerateRandom',
  resource = '*',
) {
  const recipientPcrs = recipient && pcrs(recipient)
  return evaluate(parsePolicy(policy), { action, resource, recipientPcrs }).decision
}

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
      'StringLike',
      when({ StringLike: { [IMAGE]: A } }),
      'Statement[0].Condition.StringLike is not supported',
    ],
    [
      'IfExists',
      when({ StringEqualsIfExists: { [IMAGE]: A } }),
      'Statement[0].Condition.StringEqualsIfExists is not supported',
    ],
    [
      'ForAnyValue',
      when({ 'ForAnyValue:StringEquals': { [IMAGE]: A } }),
      'Statement[0].Condition.ForAnyValue:StringEquals is not supported',
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

describe('properties', () => {
  const hex = fc.constantFrom(A, B, A.toUpperCase(), '00'.repeat(48))
  const keys = fc.constantFrom(IMAGE, `${PCR}1`, `${PCR}16`)
  const block = fc.dictionary(keys, fc.oneof(hex, fc.array(hex, { minLength: 1, maxLength: 3 })), {
    minKeys: 1,
  })
  const truth = fc.dictionary(keys, fc.constantFrom(true, 'false', ['true']), { minKeys: 1 })
  const condition = fc
    .record(
      {
        StringEquals: block,
        StringNotEquals: block,
        StringEqualsIgnoreCase: block,
        StringNotEqualsIgnoreCase: block,
        Null: truth,
      },
      { requiredKeys: [] },
    )
    .filter((value) => Object.keys(value).length > 0)
  const one = fc.record(
    {
      Effect: fc.constantFrom('Allow', 'Deny'),
      Action: fc.constantFrom('*', 'kms:*', 'kms:Decrypt', ['kms:Decrypt', 'kms:GenerateRandom']),
      Resource: fc.constantFrom('*', 'arn:aws:kms:::key/1', ['arn:*', '*']),
      Condition: condition,
    },
    { requiredKeys: ['Effect', 'Action', 'Resource'] },
  )
  const many = fc.array(one, { minLength: 1, maxLength: 4 })
  const document = fc.option(fc.record({ 0: fc.constantFrom(A, B), 1: fc.constantFrom(A, B) }), {
    nil: undefined,
  })

  it('a blanket deny always wins', () => {
    fc.assert(
      fc.property(many, document, (statements, recipient) => {
        const deny = statement({ Effect: 'Deny', Action: '*' })
        expect(decide(policyOf(...statements, deny), recipient)).toBe('explicitDeny')
      }),
    )
  })

  it('the order of statements does not matter, nor does the way through text', () => {
    fc.assert(
      fc.property(many, document, (statements, recipient) => {
        const decision = decide(policyOf(...statements), recipient)
        expect(decide(policyOf(...[...statements].reverse()), recipient)).toBe(decision)
        expect(decide(JSON.parse(JSON.stringify(policyOf(...statements))), recipient)).toBe(decision)
      }),
    )
  })

  it('statements decide together as they do alone', () => {
    fc.assert(
      fc.property(many, document, (statements, recipient) => {
        const alone = statements.map((each) => decide(policyOf(each), recipient))
        const expected = ['explicitDeny', 'allow', 'implicitDeny'].find((each) =>
          (alone as string[]).includes(each),
        )
        expect(decide(policyOf(...statements), recipient)).toBe(expected)
      }),
    )
  })

  it('a condition block is the AND of its parts, a list the OR of its values', () => {
    fc.assert(
      fc.property(condition, document, (whole, recipient) => {
        const holds = (part: object) => decide(when(part), recipient) === 'allow'
        const parts = Object.entries(whole).flatMap(([operator, keyed]) =>
          Object.entries(keyed).map(([key, value]) => {
            const each = [value].flat().map((item) => holds({ [operator]: { [key]: item } }))
            return operator.startsWith('StringNot') ? each.every(Boolean) : each.some(Boolean)
          }),
        )
        expect(holds(whole)).toBe(parts.every(Boolean))
      }),
    )
  })

  it('a Not form is the opposite of its plain form, a missing key included', () => {
    fc.assert(
      fc.property(block, document, fc.constantFrom('', 'IgnoreCase'), (keyed, recipient, suffix) => {
        for (const [key, value] of Object.entries(keyed)) {
          const equals = decide(when({ [`StringEquals${suffix}`]: { [key]: value } }), recipient)
          const differs = decide(when({ [`StringNotEquals${suffix}`]: { [key]: value } }), recipient)
          expect(equals).not.toBe(differs)
        }
      }),
    )
  })

  it('wildcards match what the same regular expression matches', () => {
    const letter = fc.constantFrom('a', 'b', '*', '?')
    const pattern = fc.array(letter, { minLength: 1, maxLength: 8 }).map((letters) => letters.join(''))
    const name = fc
      .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 10 })
      .map((letters) => letters.join(''))
    fc.assert(
      fc.property(pattern, name, (wild, plain) => {
        const expected = new RegExp(`^${wild.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(plain)
        const policy = policyOf(statement({ Action: `kms:${wild}` }))
        expect(decide(policy, undefined, `kms:${plain}`)).toBe(expected ? 'allow' : 'implicitDeny')
      }),
      { numRuns: 2000 },
    )
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

  it.each([['ab'], ['zz'.repeat(48)], [Buffer.alloc(32, 1)], ['00'.repeat(48)]])('refuses %s', (pcr0) => {
    expect(() => pinningPolicy(pcr0)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })
})
