/**
 * Key policies: whom a statement names, and what the policy alone says of a request. `policy-document.ts` reads them.
 * Source: KMS Developer Guide, "Key policies in AWS KMS"; IAM User Guide, "AWS JSON policy elements: Principal".
 */
import type { Caller } from './caller.js'
import { applies, type IamRequest, type IamStatement } from './policy.js'

/** One that a Principal element names. */
export type PrincipalPattern =
  | { readonly kind: 'anyone' }
  /** All of an account. What is allowed to it, its identity policies may hand on. */
  | { readonly kind: 'account'; readonly partition?: string | undefined; readonly account: string }
  /** All sessions of a role; `name` without its path. */
  | { readonly kind: 'role'; readonly partition: string; readonly account: string; readonly name: string }
  /** One user, or one session. */
  | { readonly kind: 'exactly'; readonly arn: string }
  /** A service of AWS, which is no caller here. */
  | { readonly kind: 'service'; readonly name: string }

export interface KeyPolicyStatement extends IamStatement {
  readonly principals: readonly PrincipalPattern[]
}

/** The resource-based policy that every KMS key has. */
export interface KeyPolicy {
  readonly statements: readonly KeyPolicyStatement[]
}

export interface KeyRequest extends IamRequest {
  /** Of the key. */
  readonly resource: string
  readonly caller: Caller
}

/** `allow`: the caller itself is allowed. `delegate`: its account is, so that its identity policy decides. */
export type KeyPolicyDecision = 'allow' | 'delegate' | 'explicitDeny' | 'implicitDeny'

/** Decides by a key policy alone: a matching Deny wins, and what nothing allows is denied. */
export function evaluateKeyPolicy(policy: KeyPolicy, request: KeyRequest): KeyPolicyDecision {
  const matching = policy.statements.filter((one) => names(one, request.caller) && applies(one, request))
  if (matching.some((one) => one.effect === 'Deny')) return 'explicitDeny'
  if (matching.some((one) => names(one, request.caller, 'itself'))) return 'allow'
  return matching.length > 0 ? 'delegate' : 'implicitDeny'
}

/** True when the statement names the caller; `itself`: as more than one of its account. */
export function names({ principals }: KeyPolicyStatement, caller: Caller, how?: 'itself'): boolean {
  return principals.some((one) => (how === undefined || one.kind !== 'account') && isNamed(one, caller))
}

function isNamed(pattern: PrincipalPattern, caller: Caller): boolean {
  switch (pattern.kind) {
    case 'anyone':
      return true
    case 'account':
      return (
        pattern.account === caller.account && (pattern.partition ?? caller.partition) === caller.partition
      )
    case 'role':
      return (
        pattern.name === caller.roleName &&
        pattern.account === caller.account &&
        pattern.partition === caller.partition
      )
    case 'exactly':
      return pattern.arn === caller.arn
    case 'service':
      return false
  }
}
