import { describe, expect, it, vi } from 'vitest'
import { PINNED_ACTIONS, pinningPolicy } from '../../../../image/policy.js'
import { type AccessRequest, authorize, keepsControl } from '../../../../simulator/kms/policy/authorize.js'
import {
  defaultKeyPolicy,
  parseKeyPolicy,
  parsePolicy,
} from '../../../../simulator/kms/policy/policy-document.js'
import type { Principal } from '../../../../simulator/kms/policy/principal.js'
import { ARN, CREDENTIALS } from '../support.js'
import { A, B, IMAGE, pcrs, policyOf } from './policy-builders.js'

const ACCOUNT = '123456789012'
const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/0123`
const ROOT = `arn:aws:iam::${ACCOUNT}:root`
const ROLE = `arn:aws:iam::${ACCOUNT}:role/enclave`
const USER = `arn:aws:iam::${ACCOUNT}:user/alice`
const STRANGER = 'arn:aws:iam::210987654321:user/mallory'

const ZERO = '00'.repeat(48)

const allow = (parts: object = {}) => ({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*', ...parts })
const deny = (parts: object = {}) => allow({ Effect: 'Deny', ...parts })
const pinned = (hex: string) => ({ Condition: { StringEqualsIgnoreCase: { [IMAGE]: hex } } })
const unrelated = allow({ Action: 'kms:Encrypt' })

function who(identity: readonly object[], arn = ARN): Principal {
  return { credentials: CREDENTIALS, arn, policy: parsePolicy(policyOf(unrelated, ...identity)) }
}

/** With a key policy: Decrypt by this key. */
function request(keyPolicy: readonly object[], parts: Partial<AccessRequest> = {}): AccessRequest {
  const policy = parseKeyPolicy(policyOf({ ...unrelated, Principal: '*' }, ...keyPolicy))
  return { action: 'kms:Decrypt', key: { arn: KEY, policy }, ...parts }
}

function refusal(principal: Principal, asked: AccessRequest, onDenial?: (hint: string) => void) {
  try {
    authorize(principal, asked, onDenial)
    return undefined
  } catch (error) {
    expect(error).toMatchObject({ name: 'AccessDeniedException', status: 400 })
    const begin = `User: ${principal.arn} is not authorized to perform: ${asked.action} `
    return error instanceof Error && error.message.startsWith(begin)
      ? error.message.slice(begin.length)
      : error
  }
}

const NO_KEY_POLICY = `on resource: ${KEY} because no resource-based policy allows the kms:Decrypt action`
const NO_IDENTITY = `on resource: ${KEY} because no identity-based policy allows the kms:Decrypt action`
const KEY_DENIES = `on resource: ${KEY} with an explicit deny in a resource-based policy`
const IDENTITY_DENIES = `on resource: ${KEY} with an explicit deny in an identity-based policy`
const HIDDEN =
  'on this resource because the resource does not exist in this Region, no resource-based policies allow access, ' +
  'or a resource-based policy explicitly denies access'

describe('key policy and identity policy', () => {
  const byRole = { Principal: { AWS: ROLE } }
  const byAccount = { Principal: { AWS: ROOT } }
  const cases: [string, object[], object[], string | undefined][] = [
    ['neither allows', [], [], NO_KEY_POLICY],
    ['the identity policy alone', [], [allow()], NO_KEY_POLICY],
    ['the key policy names the role', [allow(byRole)], [], undefined],
    ['the key policy names everyone', [allow({ Principal: '*' })], [], undefined],
    ['the key policy names the account', [allow(byAccount)], [], NO_IDENTITY],
    ['the account, and the identity policy', [allow(byAccount)], [allow()], undefined],
    ['the account and the role', [allow(byAccount), allow(byRole)], [], undefined],
    [
      'the account and the role in one statement',
      [allow({ Principal: { AWS: [ROOT, ROLE] } })],
      [],
      undefined,
    ],
    ['the identity policy names the key', [allow(byAccount)], [allow({ Resource: KEY })], undefined],
    [
      'the identity policy names another key',
      [allow(byAccount)],
      [allow({ Resource: `${KEY}4` })],
      NO_IDENTITY,
    ],
    ['the key policy names this key', [allow({ ...byRole, Resource: KEY })], [], undefined],
    ['the key policy names another key', [allow({ ...byRole, Resource: `${KEY}4` })], [], NO_KEY_POLICY],
    ['another action', [allow({ ...byRole, Action: 'kms:Sign' })], [], NO_KEY_POLICY],
    ['the key policy denies the role', [allow(byRole), deny(byRole)], [allow()], KEY_DENIES],
    ['the key policy denies the account', [allow(byRole), deny(byAccount)], [allow()], KEY_DENIES],
    ['the key policy denies everyone', [deny({ Principal: '*' }), allow(byRole)], [allow()], KEY_DENIES],
    ['the identity policy denies', [allow(byRole)], [allow(), deny()], IDENTITY_DENIES],
    ['the identity policy denies, the key policy does not allow', [], [deny()], IDENTITY_DENIES],
    ['both deny', [deny({ Principal: '*' })], [deny()], KEY_DENIES],
    ['the identity policy denies another key', [allow(byRole)], [deny({ Resource: `${KEY}4` })], undefined],
    [
      'the account, when it calls for others',
      [allow({ ...byAccount, ...pinned(A) })],
      [allow()],
      NO_KEY_POLICY,
    ],
  ]
  it.each(cases)('%s', (_, keyPolicy, identity, expected) => {
    expect(refusal(who(identity), request(keyPolicy))).toBe(expected)
  })
})

describe('principals', () => {
  const named: [string, unknown, string, boolean][] = [
    ['everyone', { AWS: '*' }, USER, true],
    ['everyone among others', { AWS: [ROLE, '*'] }, USER, true],
    ['a role, for its sessions', { AWS: ROLE }, ARN, true],
    ['a role with a path, for its sessions', { AWS: `arn:aws:iam::${ACCOUNT}:role/a/b/enclave` }, ARN, true],
    ['a role of a longer name', { AWS: `${ROLE}2` }, ARN, false],
    ['a role in another case', { AWS: `arn:aws:iam::${ACCOUNT}:role/Enclave` }, ARN, false],
    ['a role of another account', { AWS: 'arn:aws:iam::210987654321:role/enclave' }, ARN, false],
    ['a role of another partition', { AWS: `arn:aws-cn:iam::${ACCOUNT}:role/enclave` }, ARN, false],
    ['a role, for a user of that name', { AWS: ROLE }, `arn:aws:iam::${ACCOUNT}:user/enclave`, false],
    ['a session', { AWS: ARN }, ARN, true],
    ['another session', { AWS: `${ARN}1` }, ARN, false],
    ['a user', { AWS: USER }, USER, true],
    ['a user, for another', { AWS: USER }, `arn:aws:iam::${ACCOUNT}:user/bob`, false],
    ['a user without the path', { AWS: USER }, `arn:aws:iam::${ACCOUNT}:user/team/alice`, false],
    ['a service', { Service: 'ec2.amazonaws.com' }, ARN, false],
    ['a service or a role', { Service: 'ec2.amazonaws.com', AWS: ROLE }, ARN, true],
  ]
  it.each(named)('%s', (_, Principal, arn, expected) => {
    const text = refusal(who([], arn), request([allow({ Principal })]))
    expect(text).toBe(expected ? undefined : NO_KEY_POLICY)
    // Whoever can be allowed by a name can be denied by it.
    const denied = refusal(who([allow()], arn), request([allow({ Principal: '*' }), deny({ Principal })]))
    expect(denied).toBe(expected ? KEY_DENIES : undefined)
  })

  const accounts: [string, string, boolean][] = [
    ['the root of the account', ROOT, true],
    ['the account', ACCOUNT, true],
    ['another account', '210987654321', false],
    ['the root of another account', 'arn:aws:iam::210987654321:root', false],
    ['the root of another partition', `arn:aws-cn:iam::${ACCOUNT}:root`, false],
  ]
  it.each(accounts)('%s, with an identity policy that allows', (_, AWS, expected) => {
    const keyPolicy = request([allow({ Principal: { AWS } })])
    expect(refusal(who([allow()]), keyPolicy)).toBe(expected ? undefined : NO_KEY_POLICY)
    expect(refusal(who([]), keyPolicy)).toBe(expected ? NO_IDENTITY : NO_KEY_POLICY)
  })
})

describe('another account', () => {
  const cases: [string, object[], object[], string | undefined][] = [
    ['the key policy alone', [allow({ Principal: { AWS: STRANGER } })], [], NO_IDENTITY],
    ['everyone, and no identity policy', [allow({ Principal: '*' })], [], NO_IDENTITY],
    ['the identity policy alone', [], [allow()], HIDDEN],
    ['the account of the key', [allow({ Principal: { AWS: ROOT } })], [allow()], HIDDEN],
    ['both policies', [allow({ Principal: { AWS: STRANGER } })], [allow()], undefined],
    [
      'its account, and the identity policy',
      [allow({ Principal: { AWS: '210987654321' } })],
      [allow()],
      undefined,
    ],
    ['a deny of the key policy', [deny({ Principal: '*' })], [allow()], HIDDEN],
    ['a deny of the identity policy', [allow({ Principal: '*' })], [deny()], IDENTITY_DENIES],
  ]
  it.each(cases)('%s', (_, keyPolicy, identity, expected) => {
    expect(refusal(who(identity, STRANGER), request(keyPolicy))).toBe(expected)
  })
})

describe('actions without a key, and further resources', () => {
  const alias = `arn:aws:kms:us-east-1:${ACCOUNT}:alias/a`
  const create = allow({ Action: 'kms:CreateAlias', Resource: alias })
  const onAlias = `on resource: ${alias} because no identity-based policy allows the kms:CreateAlias action`

  it('are decided by the identity policy', () => {
    const asked = { action: 'kms:Decrypt' }
    expect(refusal(who([allow()]), asked)).toBeUndefined()
    expect(refusal(who([allow({ Resource: KEY })]), asked)).toBe(
      'on resource: * because no identity-based policy allows the kms:Decrypt action',
    )
    expect(refusal(who([allow(), deny()]), asked)).toBe(
      'on resource: * with an explicit deny in an identity-based policy',
    )
  })

  it('need the alias by the identity policy and the key by either', () => {
    const byKey = [allow({ Action: 'kms:CreateAlias', Principal: { AWS: ROLE } })]
    const asked = (keyPolicy: object[]) =>
      request(keyPolicy, { action: 'kms:CreateAlias', resources: [alias] })
    expect(refusal(who([create]), asked(byKey))).toBeUndefined()
    expect(refusal(who([]), asked(byKey))).toBe(onAlias)
    expect(refusal(who([create, deny({ ...create, Effect: 'Deny' })]), asked(byKey))).toContain(
      'explicit deny',
    )
    expect(refusal(who([create]), asked([]))).toContain('no resource-based policy')
    expect(refusal(who([create]), asked([allow({ Action: '*', Principal: { AWS: ROOT } })]))).toBe(
      `on resource: ${KEY} because no identity-based policy allows the kms:CreateAlias action`,
    )
  })

  it('need the alias alone when there is no key', () => {
    const asked = { action: 'kms:CreateAlias', resources: [alias] }
    expect(refusal(who([create]), asked)).toBeUndefined()
    const onDenial = vi.fn()
    expect(refusal(who([{ ...create, ...pinned(A) }]), asked, onDenial)).toBe(onAlias)
    expect(onDenial).toHaveBeenCalledOnce()
  })
})

describe('conditions', () => {
  it('reach the key policy and the identity policy', () => {
    const parts = { recipientPcrs: pcrs({ 0: A }), encryptionContext: { purpose: 'db' } }
    const Condition = {
      StringEquals: { [IMAGE]: A, 'kms:EncryptionContext:purpose': 'db', 'aws:PrincipalArn': ROLE },
    }
    const direct = request([allow({ Principal: '*', Condition })], parts)
    expect(refusal(who([]), direct)).toBeUndefined()
    expect(refusal(who([]), { ...direct, recipientPcrs: pcrs({ 0: B }) })).toBe(NO_KEY_POLICY)
    expect(refusal(who([]), { ...direct, encryptionContext: undefined })).toBe(NO_KEY_POLICY)
    expect(refusal(who([], USER), direct)).toBe(NO_KEY_POLICY)
    const byAccount = request([allow({ Principal: { AWS: ROOT } })], parts)
    expect(refusal(who([allow({ Condition })]), byAccount)).toBeUndefined()
    expect(refusal(who([allow({ Condition })]), { ...byAccount, recipientPcrs: undefined })).toBe(NO_IDENTITY)
  })
})

it('takes the statements that pin an image, for each operation with a key', () => {
  const role = `arn:aws:iam::${ACCOUNT}:role/parents/enclave`
  for (const action of PINNED_ACTIONS.filter((one) => one !== 'GenerateRandom')) {
    const statement = pinningPolicy({ action, role, measurements: { PCR0: A, PCR8: B }, registers: [8] })
    const asked = (registers: Record<number, string>) =>
      request([statement], { action: `kms:${action}`, recipientPcrs: pcrs(registers) })
    expect(refusal(who([]), asked({ 0: A, 8: B }))).toBeUndefined()
    expect(refusal(who([]), asked({ 0: A, 8: A }))).toContain('no resource-based policy')
    expect(refusal(who([], USER), asked({ 0: A, 8: B }))).toContain('no resource-based policy')
  }
})

describe('hints', () => {
  const recipientPcrs = pcrs({ 0: B })
  const differs = `PCR0 differs: the policy wants ${A}, the enclave has ${B}`
  const hints = (
    identity: object[],
    keyPolicy: object[],
    parts: Partial<AccessRequest> = { recipientPcrs },
  ) => {
    const onDenial = vi.fn()
    const text = refusal(who(identity), request(keyPolicy, parts), onDenial)
    return { text, hints: onDenial.mock.calls.map(([hint]) => hint) }
  }

  it('tell of the register that the key policy wants of the role', () => {
    const role = allow({ Principal: { AWS: ROLE }, ...pinned(A) })
    expect(hints([], [role])).toEqual({ text: NO_KEY_POLICY, hints: [differs] })
    const account = allow({ Principal: { AWS: ROOT }, Action: 'kms:*' })
    expect(hints([], [account, role])).toEqual({ text: NO_IDENTITY, hints: [differs] })
  })

  it('tell of the register that the identity policy wants', () => {
    const account = allow({ Principal: { AWS: ROOT } })
    expect(hints([allow(pinned(A))], [account])).toEqual({ text: NO_IDENTITY, hints: [differs] })
    expect(hints([allow()], [allow({ Principal: { AWS: ROOT }, ...pinned(A) })])).toEqual({
      text: NO_KEY_POLICY,
      hints: [differs],
    })
    const foreign = request([allow({ Principal: '*' })], { recipientPcrs })
    const onDenial = vi.fn()
    refusal(who([allow(pinned(A))], STRANGER), foreign, onDenial)
    expect(onDenial.mock.calls).toEqual([[differs]])
  })

  it('tell of "deny unless equal", and then of nothing that was allowed', () => {
    const unless = { Condition: { StringNotEquals: { [IMAGE]: A } } }
    const everyone = allow({ Principal: '*' })
    expect(hints([allow(pinned('ef'.repeat(48)))], [everyone, deny({ Principal: '*', ...unless })])).toEqual({
      text: KEY_DENIES,
      hints: [differs],
    })
    const within = { ...unless.Condition, StringEquals: { 'kms:CallerAccount': ACCOUNT } }
    expect(hints([deny({ Condition: within })], [everyone]).hints).toEqual([differs])
    expect(hints([deny(unless)], [everyone])).toEqual({ text: IDENTITY_DENIES, hints: [differs] })
  })

  it('tell of a document that is missing', () => {
    const role = allow({ Principal: { AWS: ROLE }, ...pinned(A) })
    expect(hints([], [role], {}).hints).toEqual([
      'The policy wants an attestation document: the request has no Recipient',
    ])
  })

  it('tell of the encryption context', () => {
    const Condition = {
      StringEquals: { 'kms:EncryptionContext:purpose': 'db' },
      'ForAllValues:StringLike': { 'kms:EncryptionContextKeys': ['purpose', 'x*'] },
    }
    const role = allow({ Principal: { AWS: ROLE }, Condition })
    expect(hints([], [role], { encryptionContext: { purpose: 'web', y: '1' } }).hints).toEqual([
      'kms:EncryptionContext:purpose differs: the policy wants db, the request has web\n' +
        'kms:EncryptionContextKeys differs: the policy wants purpose or x*, the request has purpose, y',
    ])
  })

  it('speak of debug mode only where a register is wanted', () => {
    const debug = pcrs({ 0: ZERO, 1: ZERO, 2: ZERO })
    const role = (Condition: object) => [allow({ Principal: { AWS: ROLE }, Condition })]
    const context = { StringEquals: { 'kms:EncryptionContext:purpose': 'db' } }
    expect(hints([], role(context), { recipientPcrs: debug }).hints).toEqual([
      'kms:EncryptionContext:purpose differs: the policy wants db, the request has none',
    ])
    const image = { StringEquals: { [IMAGE]: A } }
    expect(hints([], role(image), { recipientPcrs: debug }).hints).toEqual([
      expect.stringMatching(/^PCR0 differs.*\nPCR0, PCR1 and PCR2 are zero/),
    ])
  })

  it('are none for what the key policy says of others, and for who is let in', () => {
    const other = allow({ Principal: { AWS: USER }, ...pinned(A) })
    expect(hints([], [other])).toEqual({ text: NO_KEY_POLICY, hints: [] })
    expect(hints([], [allow({ Principal: { AWS: ROLE } }), other])).toEqual({ text: undefined, hints: [] })
  })
})

describe('keepsControl', () => {
  const put = allow({ Action: 'kms:PutKeyPolicy' })
  const under = (identity: object[], ...statements: object[]) =>
    keepsControl(parseKeyPolicy(policyOf(...statements)), who(identity), KEY)

  it('asks whether the caller may still change the policy', () => {
    expect(under([], { ...put, Principal: { AWS: ROLE } })).toBe(true)
    expect(under([], { ...put, Principal: { AWS: USER } })).toBe(false)
    expect(under([put], { ...put, Principal: { AWS: USER } })).toBe(false)
    expect(under([], allow({ Principal: { AWS: ROLE } }))).toBe(false)
    expect(under([], { ...put, Principal: '*', ...pinned(A) })).toBe(false)
  })

  it('asks the identity policy where the account is allowed', () => {
    const standard = parseKeyPolicy(defaultKeyPolicy(ACCOUNT, 'aws'))
    expect(keepsControl(standard, who([put]), KEY)).toBe(true)
    expect(keepsControl(standard, who([{ ...put, Resource: KEY }]), KEY)).toBe(true)
    expect(keepsControl(standard, who([]), KEY)).toBe(false)
  })
})

it('refuses a principal whose ARN is of no caller', () => {
  expect(() => authorize(who([allow()], ROOT), { action: 'kms:Decrypt' })).toThrow(
    expect.objectContaining({ code: 'ERR_USAGE' }),
  )
})
