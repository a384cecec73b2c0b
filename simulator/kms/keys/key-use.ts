/** What must hold before a key is used, in KMS's order: access, state, usage. */

import { disabled, invalidKeyUsage } from '../errors.js'
import type { OperationContext } from '../operation.js'
import { authorize } from '../policy/authorize.js'
import { type EncryptionAlgorithm, type KeyUsage, type KmsKey, kindOf } from './keys.js'

export interface KeyUse {
  /** Such as `Decrypt`. */
  readonly operation: string
  readonly usage: KeyUsage
  readonly recipientPcrs?: ReadonlyMap<number, Uint8Array> | undefined
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined
}

/** Throws KmsError AccessDeniedException, DisabledException or InvalidKeyUsageException. */
export function requireUse(ctx: OperationContext, key: KmsKey, use: KeyUse): void {
  requireAccess(ctx, key, use)
  requireEnabled(key)
  const { usage } = kindOf(key.spec)
  if (usage !== use.usage) {
    throw invalidKeyUsage(`${key.arn} key usage is ${usage} which is not valid for ${use.operation}.`)
  }
}

/** Throws KmsError AccessDeniedException. */
export function requireAccess(ctx: OperationContext, key: KmsKey, use: Omit<KeyUse, 'usage'>): void {
  const { operation, recipientPcrs, encryptionContext } = use
  authorize(
    ctx.principal,
    { action: `kms:${operation}`, key, recipientPcrs, encryptionContext },
    ctx.onDenial,
  )
}

/** Throws KmsError DisabledException. */
export function requireEnabled(key: KmsKey): void {
  if (!key.enabled) throw disabled(key.arn)
}

/** For what only symmetric keys do. Throws KmsError InvalidKeyUsageException. */
export function requireSymmetric(key: KmsKey, operation: string): void {
  // invented: AWS does not publish this text
  if (key.spec !== 'SYMMETRIC_DEFAULT')
    throw invalidKeyUsage(`${key.arn} key spec is ${key.spec} which is not valid for ${operation}.`)
}

/** Throws KmsError InvalidKeyUsageException. */
export function requireAlgorithm(key: KmsKey, algorithm: string): asserts algorithm is EncryptionAlgorithm {
  if (kindOf(key.spec).encryptionAlgorithms.some((one) => one === algorithm)) return
  throw invalidKeyUsage(`Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`)
}
