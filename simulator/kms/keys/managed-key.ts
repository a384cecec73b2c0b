import type { AccountState } from '../account-state.js'
import type { OperationContext } from '../operation.js'
import { findKey } from './key-lookup.js'
import { requireAccess } from './key-use.js'
import type { KmsKey } from './keys.js'

/** The key of an operation that manages it: by its ID or ARN, in any state. Looked for and asked for in one step. */
export function managedKey(
  ctx: OperationContext,
  keyId: string,
  operation: string,
  state: AccountState = ctx.account,
): KmsKey {
  const key = findKey(ctx, keyId, { operation, arnErrors: true, state })
  requireAccess(ctx, key, { operation })
  return key
}

/** Puts what `change` makes of the key in its place. What decides is the key as it is then. */
export async function changeKey(
  ctx: OperationContext,
  keyId: string,
  operation: string,
  change: (key: KmsKey) => KmsKey,
): Promise<void> {
  await ctx.account.change((draft) => {
    const key = managedKey(ctx, keyId, operation, draft)
    draft.keys.set(key.id, change(key))
  })
}
