/**
 * Policy documents. Reads only the subset needed; whatever it does not understand is an error at load, never ignored.
 * Source: IAM User Guide, "IAM JSON policy elements reference"; KMS Developer Guide, "Creating a key policy".
 */
import { UsageError } from '../../../shared/errors.js'
import { parseConditions } from './condition-document.js'
import type { KeyPolicy, KeyPolicyStatement } from './key-policy.js'
import type { IamPolicy, IamStatement } from './policy.js'
import { fail, list, literal, members, parsed, text } from './policy-json.js'
import { parsePrincipals } from './principal-document.js'

/**
 * Reads an identity policy, as JSON text or already parsed.
 * Throws UsageError ERR_IAM_POLICY that names the place of whatever is not understood.
 */
export function parsePolicy(json: unknown): IamPolicy {
  return { statements: statements(json, identityStatement) }
}

/**
 * Reads the policy of a KMS key, as JSON text or already parsed. A Resource of `*` is this key. Stricter than KMS, which
 * keeps a statement without Resource, to no effect.
 * Throws UsageError ERR_IAM_POLICY that names the place of whatever is not understood.
 */
export function parseKeyPolicy(json: unknown): KeyPolicy {
  return { statements: statements(json, keyStatement) }
}

interface WithSid<T> {
  readonly sid: string | undefined
  readonly statement: T
}

function statements<T>(json: unknown, item: (value: unknown, path: string) => WithSid<T>): T[] {
  const root = members(parsed(json), 'policy', ['Version', 'Id', 'Statement'])
  if (root.Version !== undefined && root.Version !== '2012-10-17' && root.Version !== '2008-10-17') {
    fail('Version', 'must be "2012-10-17" or "2008-10-17"')
  }
  if (root.Id !== undefined) text(root.Id, 'Id')
  const found = list(root.Statement, 'Statement', item)
  const sids = found.flatMap(({ sid }) => (sid === undefined ? [] : [sid]))
  if (new Set(sids).size !== sids.length) fail('Statement', 'has a Sid twice')
  return found.map(({ statement }) => statement)
}

const ELEMENTS = ['Sid', 'Effect', 'Action', 'Resource', 'Condition'] as const
type Elements = { readonly [_ in (typeof ELEMENTS)[number]]?: unknown }

function identityStatement(value: unknown, path: string): WithSid<IamStatement> {
  const elements = members(value, path, ELEMENTS)
  const sid = elements.Sid === undefined ? undefined : text(elements.Sid, `${path}.Sid`)
  if (sid !== undefined && !/^[A-Za-z0-9]*$/.test(sid)) fail(`${path}.Sid`, 'takes letters and digits only')
  return { sid, statement: common(elements, path) }
}

function keyStatement(value: unknown, path: string): WithSid<KeyPolicyStatement> {
  const { Principal, ...elements } = members(value, path, [...ELEMENTS, 'Principal'])
  const sid = elements.Sid === undefined ? undefined : text(elements.Sid, `${path}.Sid`)
  const principals = parsePrincipals(Principal, `${path}.Principal`)
  return { sid, statement: { ...common(elements, path), principals } }
}

function common({ Effect, Action, Resource, Condition }: Elements, path: string): IamStatement {
  if (Effect !== 'Allow' && Effect !== 'Deny') fail(`${path}.Effect`, 'must be "Allow" or "Deny"')
  return {
    effect: Effect,
    actions: list(Action, `${path}.Action`, action),
    resources: list(Resource, `${path}.Resource`, resource),
    conditions: Condition === undefined ? [] : parseConditions(Condition, `${path}.Condition`),
  }
}

function action(value: unknown, path: string): string {
  const pattern = text(value, path)
  if (!/^(\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$/.test(pattern)) fail(path, 'must be "*" or "service:Action"')
  return pattern
}

function resource(value: unknown, path: string): string {
  const pattern = literal(value, path)
  if (!/^(\*+|arn:.+)$/.test(pattern)) fail(path, 'must be "*" or an ARN')
  return pattern
}

/** The key policy that KMS gives when CreateKey has none: the account may hand on all of KMS by identity policies. */
export function defaultKeyPolicy(accountId: string, partition: string): object {
  return {
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: `arn:${partition}:iam::${accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  }
}

/** The default identity policy: random bytes for one enclave image only. `pcr0`: 48 bytes, or 96 hex digits. */
export function pinningPolicy(pcr0: Uint8Array | string): object {
  const hex = (typeof pcr0 === 'string' ? pcr0 : Buffer.from(pcr0).toString('hex')).toLowerCase()
  if (!/^[0-9a-f]{96}$/.test(hex))
    throw new UsageError('ERR_USAGE', 'pcr0 must be 48 bytes, or 96 hex digits')
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'kms:GenerateRandom',
        Resource: '*',
        Condition: { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': hex } },
      },
    ],
  }
}

/**
 * The values that a policy pins registers to, in lower-case hex, by register: for diagnosis. Reads Allow statements
 * with StringEquals or StringEqualsIgnoreCase.
 */
export function wantedPcrs(policy: IamPolicy | KeyPolicy): ReadonlyMap<number, readonly string[]> {
  const wanted = new Map<number, string[]>()
  for (const { effect, conditions } of policy.statements) {
    for (const { operator, key, values } of effect === 'Allow' ? conditions : []) {
      if (key.kind !== 'pcr' || !operator.startsWith('StringEquals')) continue
      const known = wanted.get(key.index) ?? []
      const lower = values.map((value) => value.toLowerCase())
      wanted.set(key.index, [...new Set([...known, ...lower])])
    }
  }
  return wanted
}
