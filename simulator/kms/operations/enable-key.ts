import { changeKey } from '../keys/managed-key.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'
import { KEY_ID } from '../request-members.js'

/** KMS API Reference, "EnableKey". */
export async function enableKey(input: unknown, ctx: OperationContext): Promise<object> {
  const { keyId } = readRequest(input, (r) => ({ keyId: r.required('KeyId', r.text('KeyId', KEY_ID)) }))
  await changeKey(ctx, keyId, 'EnableKey', (key) => ({ ...key, enabled: true }))
  return {}
}
