/**
 * Who may do what with which key. Source: KMS Developer Guide, "Determining access to AWS KMS keys" and "Allowing
 * users in other accounts to use a KMS key"; IAM User Guide, "Policy evaluation logic".
 */

import { accessDenied, type Denial } from '../errors.js'
import { type Caller, callerOf } from './caller.js'
import { explainWays } from './denial.js'
import { evaluateKeyPolicy, type KeyPolicy, names } from './key-policy.js'
import { applies, evaluate } from './policy.js'
import type { Principal } from './principal.js'

export interface AccessRequest {
  /** Such as `kms:Decrypt`. */
  readonly action: string
  /** Absent: an action without a key, which the identity policy decides alone. */
  readonly key?: { readonly arn: string; readonly policy: KeyPolicy } | undefined
  /** Further ARNs that the action needs (CreateAlias: the alias's): the identity policy decides alone. */
  readonly resources?: readonly string[] | undefined
  /** The registers of a verified attestation document; absent without Recipient. */
  readonly recipientPcrs?: ReadonlyMap<number, Uint8Array> | undefined
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined
}

/**
 * Throws KmsError AccessDeniedException, having told `onDenial` which registers would have been needed. An explicit
 * deny wins. The key policy must allow: the caller itself, which is enough within one account, or the caller's
 * account, and then the identity policy must allow too. Throws UsageError ERR_USAGE for an ARN of no caller.
 */
export function authorize(
  principal: Principal,
  request: AccessRequest,
  onDenial?: ((hint: string) => void) | undefined,
): void {
  const denial = denialOf(principal, request)
  if (denial === undefined) return
  const hint = onDenial && explain(principal, request)
  if (hint !== undefined) onDenial?.(hint)
  throw accessDenied({ caller: principal.arn, action: request.action, ...denial })
}

/** KMS's lockout safety check: whether the principal may call PutKeyPolicy on the key once it has this policy. */
export function keepsControl(policy: KeyPolicy, principal: Principal, keyArn: string): boolean {
  return denialOf(principal, { action: 'kms:PutKeyPolicy', key: { arn: keyArn, policy } }) === undefined
}

type Reason = Omit<Denial, 'caller' | 'action'>

function denialOf(principal: Principal, request: AccessRequest): Reason | undefined {
  const { key, resources = [] } = request
  const facts = factsOf(principal, request)
  const byKey = key && evaluateKeyPolicy(key.policy, { ...facts, resource: key.arn })
  const foreign = key !== undefined && isForeign(key.arn, facts.caller)
  const asked = key === undefined ? resources : [...resources, key.arn]
  const byIdentity = (asked.length === 0 ? ['*'] : asked).map((resource) => ({
    decision: evaluate(principal.policy, { ...facts, resource }).decision,
    needed: resource !== key?.arn || byKey !== 'allow' || foreign,
    reason: { policy: 'identity-based', resource } as const,
  }))

  // invented: AWS does not publish which policy it names when several refuse
  const keyReason = { policy: 'resource-based', resource: key?.arn ?? '*', foreign } as const
  if (byKey === 'explicitDeny') return { ...keyReason, explicit: true }
  const denied = byIdentity.find(({ decision }) => decision === 'explicitDeny')
  if (denied !== undefined) return { ...denied.reason, explicit: true }
  if (byKey === 'implicitDeny') return { ...keyReason, explicit: false }
  const unallowed = byIdentity.find(({ decision, needed }) => needed && decision === 'implicitDeny')
  return unallowed && { ...unallowed.reason, explicit: false }
}

/** What would have let the caller in: the key policy by its name, or by its account with the identity policy. */
function explain(principal: Principal, request: AccessRequest): string | undefined {
  const { key, resources = [] } = request
  const facts = factsOf(principal, request)
  const identity = principal.policy.statements
  if (key === undefined) {
    return explainWays([{ statements: identity, needed: true }], { ...facts, resource: resources[0] ?? '*' })
  }
  const keyRequest = { ...facts, resource: key.arn }
  const direct = key.policy.statements.filter((one) => names(one, facts.caller, 'itself'))
  const account = key.policy.statements.filter((one) => names(one, facts.caller) && !direct.includes(one))
  const closed = !direct.some((one) => one.effect === 'Allow' && applies(one, keyRequest))
  const ways = [
    { statements: direct, needed: closed },
    { statements: account, needed: closed },
    { statements: identity, needed: closed || isForeign(key.arn, facts.caller) },
  ]
  return explainWays(ways, keyRequest)
}

function factsOf({ arn }: Principal, request: AccessRequest) {
  const { action, recipientPcrs, encryptionContext } = request
  return { action, recipientPcrs, encryptionContext, caller: callerOf(arn) }
}

/** Of another account than the key, arn:PARTITION:kms:REGION:ACCOUNT:key/ID. */
function isForeign(keyArn: string, caller: Caller): boolean {
  return keyArn.split(':')[4] !== caller.account
}
