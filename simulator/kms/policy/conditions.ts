/**
 * Condition elements: whether a request meets one. `condition-document.ts` reads them.
 * Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
 * keys"; KMS Developer Guide, "AWS KMS condition keys" and "AWS KMS condition keys for AWS Nitro Enclaves".
 */
import type { Caller } from './caller.js'
import { wildcard } from './wildcard.js'

/** Operators that are understood, without prefix and suffix. */
export const OPERATORS = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'ArnEquals',
  'ArnNotEquals',
  'ArnLike',
  'ArnNotLike',
  'Bool',
  'Null',
] as const

export type IamOperator = (typeof OPERATORS)[number]

/** Condition keys that are understood. */
export type ConditionKey =
  /** Platform configuration register 0..31, in lower-case hex. ImageSha384 is register 0. */
  | { readonly kind: 'pcr'; readonly index: number }
  /** The value of one pair; its key whatever the case. */
  | { readonly kind: 'encryptionContext'; readonly name: string }
  /** The keys of all pairs: the only condition key with several values. */
  | { readonly kind: 'encryptionContextKeys' }
  | { readonly kind: 'principalArn' }
  | { readonly kind: 'callerAccount' }
  /** One that only requests of AWS's own services have. */
  | { readonly kind: 'byService'; readonly name: string }

/** One condition key under one operator; several `values` are alternatives. */
export interface IamCondition {
  readonly operator: IamOperator
  /** How several values of the request are taken together. */
  readonly quantifier?: 'ForAnyValue' | 'ForAllValues' | undefined
  /** Holds for a request without the key. */
  readonly ifExists: boolean
  readonly key: ConditionKey
  readonly values: readonly string[]
}

/** What a request says beyond action and resource. */
export interface RequestFacts {
  readonly caller?: Caller | undefined
  /** The registers of a verified attestation document; absent without Recipient. */
  readonly recipientPcrs?: ReadonlyMap<number, Uint8Array> | undefined
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined
}

/** True when the request meets the condition. */
export function holds(condition: IamCondition, facts: RequestFacts): boolean {
  const { operator, quantifier, ifExists, values } = condition
  const found = valuesOf(condition.key, facts)
  if (operator === 'Null') return values.includes(String(found.length === 0))
  if (ifExists && found.length === 0) return true
  const negated = isNegated(operator)
  const matched = (value: string) => values.some((wanted) => matches(operator, wanted, value))
  if (quantifier === undefined) return found.some(matched) !== negated
  const meets = (value: string) => matched(value) !== negated
  return quantifier === 'ForAllValues' ? found.every(meets) : found.some(meets)
}

/** True for an operator that holds when no value matches. */
export function isNegated(operator: IamOperator): boolean {
  return /^(String|Arn)Not/.test(operator)
}

function matches(operator: IamOperator, wanted: string, value: string): boolean {
  // ArnEquals does as ArnLike. Both have six parts, so that no wildcard reaches beyond its part.
  if (operator.startsWith('Arn') || operator.endsWith('Like')) return wildcard(wanted, value)
  return operator.endsWith('IgnoreCase') ? wanted.toLowerCase() === value.toLowerCase() : wanted === value
}

/** The request's values of a key: none when it does not have the key. */
export function valuesOf(key: ConditionKey, facts: RequestFacts): readonly string[] {
  const { caller, recipientPcrs, encryptionContext = {} } = facts
  switch (key.kind) {
    case 'pcr': {
      const bytes = recipientPcrs?.get(key.index)
      return bytes === undefined ? [] : [Buffer.from(bytes).toString('hex')]
    }
    case 'encryptionContext': {
      const wanted = key.name.toLowerCase()
      const pairs = Object.entries(encryptionContext).filter(([name]) => name.toLowerCase() === wanted)
      return pairs.map(([, value]) => value)
    }
    case 'encryptionContextKeys':
      return Object.keys(encryptionContext)
    case 'principalArn':
      return caller === undefined ? [] : [caller.principalArn]
    case 'callerAccount':
      return caller === undefined ? [] : [caller.account]
    case 'byService':
      return []
  }
}
