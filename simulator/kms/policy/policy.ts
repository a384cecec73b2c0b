/**
 * Policies: which statements concern a request, and what they say of it. `policy-document.ts` reads them.
 * Source: IAM User Guide, "Policy evaluation logic".
 */
import { holds, type IamCondition, type RequestFacts } from './conditions.js'
import { wildcard } from './wildcard.js'

export interface IamStatement {
  readonly effect: 'Allow' | 'Deny'
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly conditions: readonly IamCondition[]
}

/** An identity policy. */
export interface IamPolicy {
  readonly statements: readonly IamStatement[]
}

export interface IamRequest extends RequestFacts {
  /** Such as `kms:GenerateRandom`. */
  readonly action: string
  /** An ARN, or `*` for an action that has no resource. */
  readonly resource: string
}

export interface IamDecision {
  readonly decision: 'allow' | 'explicitDeny' | 'implicitDeny'
}

/** Decides by an identity policy alone: a matching Deny wins, and what nothing allows is denied. */
export function evaluate(policy: IamPolicy, request: IamRequest): IamDecision {
  const effects = policy.statements.filter((one) => applies(one, request)).map((one) => one.effect)
  if (effects.includes('Deny')) return { decision: 'explicitDeny' }
  return { decision: effects.includes('Allow') ? 'allow' : 'implicitDeny' }
}

/** True when action, resource and every condition of the statement match. */
export function applies(statement: IamStatement, request: IamRequest): boolean {
  return (
    concerns(statement, request.action, request.resource) &&
    statement.conditions.every((condition) => holds(condition, request))
  )
}

/** True when action (whatever its case) and resource match. */
export function concerns(statement: IamStatement, action: string, resource: string): boolean {
  return (
    statement.actions.some((pattern) => wildcard(pattern.toLowerCase(), action.toLowerCase())) &&
    statement.resources.some((pattern) => wildcard(pattern, resource))
  )
}
