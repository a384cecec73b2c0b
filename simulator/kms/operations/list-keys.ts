import type { OperationContext } from '../operation.js'
import { page, readPage } from '../pagination.js'
import { authorize } from '../policy/authorize.js'
import { readRequest } from '../request.js'

/** KMS API Reference, "ListKeys". */
export async function listKeys(input: unknown, ctx: OperationContext): Promise<object> {
  const request = readRequest(input, (r) => readPage(r, 100, { max: 1000 }))
  authorize(ctx.principal, { action: 'kms:ListKeys' }, ctx.onDenial)
  const { shown, next } = page([...ctx.account.keys.values()], ({ id }) => id, request)
  return { Keys: shown.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...next }
}
