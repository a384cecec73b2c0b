import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AccessRequest, authorize, keepsControl } from '../../../../simulator/kms/policy/authorize.js'
import { parseKeyPolicy, parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { CREDENTIALS } from '../support.js'
import { A, B, IMAGE, PCR, pcrs, policyOf } from './policy-builders.js'

const OWN = '123456789012'
const OTHER = '210987654321'
const KEY = `arn:aws:kms:us-east-1:${OWN}:key/1`

interface Condition {
  readonly operator: string
  readonly key: string
  readonly values: readonly string[]
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: readonly string[]
  readonly Resource: readonly string[]
  readonly Principal?: readonly string[]
  readonly conditions: readonly Condition[]
}

interface Situation {
  readonly key: Statement[]
  readonly identity: Statement[]
  readonly caller: { account: string; kind: 'role' | 'user'; name: string }
  readonly action: string
  readonly pcr0: string | undefined
  readonly context: Record<string, string> | undefined
}

const single = fc.constantFrom(
  IMAGE,
  `${PCR}0`,
  'kms:EncryptionContext:a',
  'kms:EncryptionContext:B',
  'kms:CallerAccount',
)
const value = fc.constantFrom(A, B, '1', '2', OWN, 'a', '*')
const values = fc.array(value, { minLength: 1, maxLength: 2 })
const ifExists = fc.constantFrom('', 'IfExists')
const form = fc.constantFrom('StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike')
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ operator: fc.tuple(form, ifExists).map((parts) => parts.join('')), key: single, values }),
  fc.record({
    operator: fc
      .tuple(fc.constantFrom('ForAnyValue:', 'ForAllValues:'), form, ifExists)
      .map((parts) => parts.join('')),
    key: fc.constant('kms:EncryptionContextKeys'),
    values,
  }),
  fc.record({
    operator: fc.constant('Null'),
    key: fc.oneof(single, fc.constant('kms:EncryptionContextKeys')),
    values: fc.constantFrom(['true'], ['false']),
  }),
)
const principals = fc.constantFrom(
  '*',
  OWN,
  `arn:aws:iam::${OWN}:root`,
  `arn:aws:iam::${OTHER}:root`,
  `arn:aws:iam::${OWN}:role/x/r`,
  `arn:aws:iam::${OWN}:user/r`,
  `arn:aws:sts::${OWN}:assumed-role/r/session`,
)
const common = {
  Effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Allow' as const, 'Deny' as const),
  Action: fc.constantFrom(['kms:Decrypt'], ['kms:*'], ['kms:*'], ['*']),
  Resource: fc.constantFrom(['*'], ['*'], [KEY], ['arn:aws:kms:*:*:key/2']),
  conditions: fc.array(condition, { maxLength: 2 }),
}
const identityStatement: fc.Arbitrary<Statement> = fc.record(common)
const keyStatement: fc.Arbitrary<Statement> = fc.record({
  ...common,
  Principal: fc.array(principals, { minLength: 1, maxLength: 2 }),
})
const situation: fc.Arbitrary<Situation> = fc.record({
  key: fc.array(keyStatement, { minLength: 1, maxLength: 3 }),
  identity: fc.array(identityStatement, { minLength: 1, maxLength: 3 }),
  caller: fc.record({
    account: fc.constantFrom(OWN, OWN, OTHER),
    kind: fc.constantFrom('role' as const, 'user' as const),
    name: fc.constantFrom('r', 's'),
  }),
  action: fc.constantFrom('kms:Decrypt', 'kms:Encrypt'),
  pcr0: fc.constantFrom(undefined, A, B),
  context: fc.constantFrom(undefined, {}, { a: '1' }, { b: '2' }, { a: '2', b: '1', c: '' }),
})

/** As a document: conditions of one operator stand in one block, where the later of two for one key stands. */
function written({ conditions, Principal, ...rest }: Statement): object {
  const blocks: Record<string, Record<string, readonly string[]>> = {}
  for (const { operator, key, values: wanted } of conditions) {
    const block = blocks[operator] ?? {}
    block[key] = wanted
    blocks[operator] = block
  }
  return {
    ...rest,
    ...(Principal && { Principal: { AWS: Principal } }),
    ...(conditions.length > 0 && { Condition: blocks }),
  }
}

const arnOf = ({ account, kind, name }: Situation['caller']) =>
  kind === 'user'
    ? `arn:aws:iam::${account}:user/${name}`
    : `arn:aws:sts::${account}:assumed-role/${name}/session`

function parts(one: Situation) {
  const principal = {
    credentials: CREDENTIALS,
    arn: arnOf(one.caller),
    policy: parsePolicy(policyOf(...one.identity.map(written))),
  }
  const key = { arn: KEY, policy: parseKeyPolicy(policyOf(...one.key.map(written))) }
  const request: AccessRequest = {
    action: one.action,
    key,
    recipientPcrs: one.pcr0 === undefined ? undefined : pcrs({ 0: one.pcr0 }),
    encryptionContext: one.context,
  }
  return { principal, request }
}

function isAllowed(one: Situation): boolean {
  const { principal, request } = parts(one)
  try {
    authorize(principal, request)
    return true
  } catch (error) {
    expect(error).toMatchObject({ name: 'AccessDeniedException' })
    return false
  }
}

/** The rules once more, as a list of sentences over the documents. */
function model(one: Situation): boolean {
  const like = (pattern: string, text: string) =>
    new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text)
  const found: Record<string, string[]> = {
    [IMAGE]: one.pcr0 === undefined ? [] : [one.pcr0],
    [`${PCR}0`]: one.pcr0 === undefined ? [] : [one.pcr0],
    'kms:EncryptionContext:a': one.context?.a === undefined ? [] : [one.context.a],
    'kms:EncryptionContext:B': one.context?.b === undefined ? [] : [one.context.b],
    'kms:EncryptionContextKeys': Object.keys(one.context ?? {}),
    'kms:CallerAccount': [one.caller.account],
  }
  const met = ({ operator, key, values: wanted }: Condition): boolean => {
    const has = found[key] ?? []
    if (operator === 'Null') return (wanted[0] === 'true') === (has.length === 0)
    const equal = operator.includes('Like') ? like : (pattern: string, text: string) => pattern === text
    const good = (text: string) => {
      const any = wanted.some((pattern) => equal(pattern, text))
      return operator.includes('Not') ? !any : any
    }
    if (operator.startsWith('ForAll')) return !has.some((text) => !good(text))
    if (has.length > 0) return has.some(good)
    if (operator.endsWith('IfExists')) return true
    return operator.includes('Not') && !operator.startsWith('ForAny')
  }
  // Of two equal operator and key pairs in one statement the later stands, as `written` has it.
  const standing = (conditions: readonly Condition[]) => [
    ...new Map(conditions.map((each) => [`${each.operator} ${each.key}`, each])).values(),
  ]
  const applies = (statement: Statement): boolean =>
    statement.Action.some((pattern) => like(pattern, one.action)) &&
    statement.Resource.some((pattern) => like(pattern, KEY)) &&
    standing(statement.conditions).every(met)
  const { account, kind, name } = one.caller
  const personal = [
    '*',
    arnOf(one.caller),
    ...(kind === 'role' ? [`arn:aws:iam::${account}:role/x/${name}`] : []),
  ]
  const general = [account, `arn:aws:iam::${account}:root`]
  const says = (statements: Statement[], effect: string, whom?: string[]) =>
    statements.some(
      (each) =>
        each.Effect === effect &&
        applies(each) &&
        (whom === undefined || each.Principal?.some((p) => whom.includes(p))),
    )
  if (says(one.identity, 'Deny') || says(one.key, 'Deny', [...personal, ...general])) return false
  if (says(one.key, 'Allow', personal) && account === OWN) return true
  return says(one.key, 'Allow', [...personal, ...general]) && says(one.identity, 'Allow')
}

const RUNS = { numRuns: 1000 }

describe('properties', () => {
  it('decides as a naive model does', () => {
    fc.assert(
      fc.property(situation, (one) => {
        expect(isAllowed(one)).toBe(model(one))
      }),
      RUNS,
    )
  })

  it('an explicit deny in either policy always wins', () => {
    const all = { Effect: 'Deny' as const, Action: ['*'], Resource: ['*'], conditions: [] }
    fc.assert(
      fc.property(situation, (one) => {
        expect(isAllowed({ ...one, identity: [...one.identity, all] })).toBe(false)
        expect(isAllowed({ ...one, key: [{ ...all, Principal: ['*'] }, ...one.key] })).toBe(false)
      }),
    )
  })

  it('a further Allow statement never takes access away, a further Deny never gives any', () => {
    fc.assert(
      fc.property(situation, keyStatement, identityStatement, (one, toKey, toIdentity) => {
        const before = isAllowed(one)
        for (const more of [
          { ...one, key: [...one.key, toKey] },
          { ...one, identity: [toIdentity, ...one.identity] },
        ]) {
          const added = more.key === one.key ? toIdentity : toKey
          const after = isAllowed(more)
          expect(added.Effect === 'Allow' ? after || !before : before || !after).toBe(true)
        }
      }),
      RUNS,
    )
  })

  it('the order of statements does not matter', () => {
    fc.assert(
      fc.property(situation, (one) => {
        const turned = { ...one, key: [...one.key].reverse(), identity: [...one.identity].reverse() }
        expect(isAllowed(turned)).toBe(isAllowed(one))
      }),
    )
  })

  it('the lockout check is the authorization of PutKeyPolicy', () => {
    fc.assert(
      fc.property(situation, (one) => {
        const action = 'kms:PutKeyPolicy'
        const { principal, request } = parts({ ...one, action, pcr0: undefined, context: undefined })
        const kept = request.key !== undefined && keepsControl(request.key.policy, principal, KEY)
        expect(kept).toBe(isAllowed({ ...one, action, pcr0: undefined, context: undefined }))
      }),
    )
  })
})
