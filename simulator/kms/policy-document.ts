/**
 * IAM policy documents. Reads only the subset needed; whatever it does not understand is an error at load, never
 * ignored. Source: IAM User Guide, "IAM JSON policy elements reference".
 */
import { UsageError } from '../../shared/errors.js'
import {
  type IamCondition,
  type IamOperator,
  type IamPolicy,
  type IamStatement,
  OPERATORS,
} from './policy.js'

/**
 * Reads a policy document, as JSON text or already parsed.
 * Throws UsageError ERR_IAM_POLICY that names the place of whatever is not understood.
 */
export function parsePolicy(json: unknown): IamPolicy {
  const document = typeof json === 'string' ? parseJson(json) : json
  const root = members(document, 'policy', ['Version', 'Id', 'Statement'])
  if (root.Version !== undefined && root.Version !== '2012-10-17' && root.Version !== '2008-10-17') {
    fail('Version', 'must be "2012-10-17" or "2008-10-17"')
  }
  if (root.Id !== undefined) text(root.Id, 'Id')
  const statements = list(root.Statement, 'Statement', statement)
  const sids = statements.flatMap(({ sid }) => (sid === undefined ? [] : [sid]))
  if (new Set(sids).size !== sids.length) fail('Statement', 'has a Sid twice')
  return { statements: statements.map(({ sid: _, ...rest }) => rest) }
}

function statement(value: unknown, path: string): IamStatement & { sid: string | undefined } {
  const { Sid, Effect, Action, Resource, Condition } = members(value, path, [
    'Sid',
    'Effect',
    'Action',
    'Resource',
    'Condition',
  ])
  const sid = Sid === undefined ? undefined : text(Sid, `${path}.Sid`)
  if (sid !== undefined && !/^[A-Za-z0-9]*$/.test(sid)) fail(`${path}.Sid`, 'takes letters and digits only')
  if (Effect !== 'Allow' && Effect !== 'Deny') fail(`${path}.Effect`, 'must be "Allow" or "Deny"')
  return {
    sid,
    effect: Effect,
    actions: list(Action, `${path}.Action`, action),
    resources: list(Resource, `${path}.Resource`, resource),
    conditions: Condition === undefined ? [] : conditions(Condition, `${path}.Condition`),
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

function conditions(value: unknown, path: string): IamCondition[] {
  return entries(members(value, path, OPERATORS), path).flatMap(([operator, block]) => {
    const seen = new Set<string>()
    return entries(block, `${path}.${operator}`).map(([key, wanted]) => {
      const at = `${path}.${operator}.${key}`
      const known = /^kms:RecipientAttestation:(?:ImageSha384|PCR(0|[1-9]|[12]\d|3[01]))$/i.exec(key)
      if (known === null) fail(at, 'is not a supported condition key')
      if (seen.has(key.toLowerCase())) fail(at, 'appears twice')
      seen.add(key.toLowerCase())
      const values = list(wanted, at, operator === 'Null' ? trueOrFalse : literal)
      return { operator: operator as IamOperator, pcr: Number(known[1] ?? 0), values }
    })
  })
}

function trueOrFalse(value: unknown, path: string): string {
  const text = String(value)
  if (text !== 'true' && text !== 'false') fail(path, 'must be "true" or "false"')
  return text
}

/** Policy variables would need a request context that is not there. */
function literal(value: unknown, path: string): string {
  const string = text(value, path)
  if (string.includes('${')) fail(path, 'has a policy variable, which is not supported')
  return string
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') fail(path, 'must be a string')
  return value
}

/** One item, or a list with at least one. */
function list<T>(value: unknown, path: string, item: (value: unknown, path: string) => T): T[] {
  if (value === undefined) fail(path, 'is missing')
  if (!Array.isArray(value)) return [item(value, path)]
  if (value.length === 0) fail(path, 'must not be empty')
  return value.map((one, index) => item(one, `${path}[${index}]`))
}

/** An object with at least one member. */
function entries(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'must be an object')
  const found = Object.entries(value)
  if (found.length === 0) fail(path, 'must not be empty')
  return found
}

/** An object that has none but these members. */
function members<K extends string>(
  value: unknown,
  path: string,
  known: readonly K[],
): { [_ in K]?: unknown } {
  const found = entries(value, path)
  for (const [key] of found) {
    if (!known.includes(key as K)) fail(path === 'policy' ? key : `${path}.${key}`, 'is not supported')
  }
  return Object.fromEntries(found) as { [_ in K]?: unknown }
}

function parseJson(source: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    fail('policy', 'is not JSON')
  }
  refuseDuplicateMembers(source)
  return value
}

/** JSON.parse keeps the last of two equal members, so that a condition could vanish. `source` is valid JSON. */
function refuseDuplicateMembers(source: string): void {
  const open: Set<string>[] = []
  for (const [token, string, colon] of source.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[[\]{}]/g)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const name = String(JSON.parse(string))
      if (open.at(-1)?.has(name)) fail(name, 'appears twice in one object')
      open.at(-1)?.add(name)
    }
  }
}

/** The default policy: random bytes for one enclave image only. `pcr0`: 48 bytes, or 96 hex digits. */
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

function fail(path: string, what: string): never {
  throw new UsageError('ERR_IAM_POLICY', `${path} ${what}`)
}
