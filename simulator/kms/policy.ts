/**
 * IAM identity policies, the part that decides over an attested KMS call: `policy-document.ts` reads them.
 * Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators";
 * KMS Developer Guide, "Condition keys for AWS Nitro Enclaves".
 */
/** Condition operators that are understood. */
export const OPERATORS = [
  'StringEquals',
  'StringEqualsIgnoreCase',
  'StringNotEquals',
  'StringNotEqualsIgnoreCase',
  'Null',
] as const

export type IamOperator = (typeof OPERATORS)[number]

/** One condition key under one operator; several `values` are alternatives. */
export interface IamCondition {
  readonly operator: IamOperator
  /** Number of the platform configuration register, 0..31. */
  readonly pcr: number
  readonly values: readonly string[]
}

export interface IamStatement {
  readonly effect: 'Allow' | 'Deny'
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly conditions: readonly IamCondition[]
}

export interface IamPolicy {
  readonly statements: readonly IamStatement[]
}

export interface IamRequest {
  /** Such as `kms:GenerateRandom`. */
  readonly action: string
  /** An ARN, or `*` for an action that has no resource. */
  readonly resource: string
  /** The registers of a verified attestation document; absent without Recipient. */
  readonly recipientPcrs?: ReadonlyMap<number, Uint8Array> | undefined
}

export interface IamDecision {
  readonly decision: 'allow' | 'explicitDeny' | 'implicitDeny'
}

/** Decides: a matching Deny wins, and what nothing allows is denied. */
export function evaluate(policy: IamPolicy, request: IamRequest): IamDecision {
  const effects = policy.statements.filter((one) => applies(one, request)).map((one) => one.effect)
  if (effects.includes('Deny')) return { decision: 'explicitDeny' }
  return { decision: effects.includes('Allow') ? 'allow' : 'implicitDeny' }
}

/** True when action, resource and every condition of the statement match. */
export function applies(statement: IamStatement, request: IamRequest): boolean {
  return (
    concerns(statement, request.action, request.resource) &&
    statement.conditions.every((condition) => holds(condition, request.recipientPcrs))
  )
}

/** True when action (whatever its case) and resource match. */
export function concerns(statement: IamStatement, action: string, resource: string): boolean {
  return (
    statement.actions.some((pattern) => wildcard(pattern.toLowerCase(), action.toLowerCase())) &&
    statement.resources.some((pattern) => wildcard(pattern, resource))
  )
}

/** True when one condition holds for these registers; they compare as lower-case hex. */
export function holds(condition: IamCondition, pcrs: ReadonlyMap<number, Uint8Array> | undefined): boolean {
  const bytes = pcrs?.get(condition.pcr)
  const value = bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
  const { operator, values } = condition
  if (operator === 'Null') return values.includes(String(value === undefined))
  const negated = operator.startsWith('StringNot')
  if (value === undefined) return negated
  const ignoreCase = operator.endsWith('IgnoreCase')
  return values.some((wanted) => (ignoreCase ? wanted.toLowerCase() : wanted) === value) !== negated
}

/** `*` stands for any run of characters, `?` for any one. Linear in memory, no backtracking beyond the last `*`. */
function wildcard(pattern: string, text: string): boolean {
  let p = 0
  let star = -1
  let resume = 0
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
