import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseKeyPolicy, parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { A, B, decide, IMAGE, PCR, policyOf, statement, when } from './policy-builders.js'

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

describe('readers', () => {
  const word = fc.constantFrom(
    ...[
      'Version',
      'Statement',
      'Effect',
      'Allow',
      'Action',
      'kms:*',
      'Resource',
      '*',
      'Principal',
      'AWS',
      'Service',
    ],
    ...[
      'Condition',
      'StringEquals',
      'ForAnyValue:StringLike',
      'Null',
      IMAGE,
      'kms:EncryptionContextKeys',
      '__proto__',
    ],
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      word,
      fc.constantFrom(null, true, 0),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(word, tie('value'), { maxKeys: 6 }),
    ),
  }))
  const near = fc
    .record(
      { Effect: value, Action: value, Resource: value, Principal: value, Condition: value },
      { requiredKeys: [] },
    )
    .map((parts) => policyOf({ Effect: 'Allow', Action: '*', Resource: '*', ...parts }))

  it('refuse with one error whatever they do not read', () => {
    for (const parse of [parsePolicy, parseKeyPolicy]) {
      fc.assert(
        fc.property(
          fc.oneof(
            value,
            near,
            near.map((one) => JSON.stringify(one)),
            fc.string(),
          ),
          (json) => {
            try {
              parse(json)
            } catch (error) {
              expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_IAM_POLICY' })
            }
          },
        ),
        { numRuns: 1000 },
      )
    }
  })
})
