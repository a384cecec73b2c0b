import { findKey } from '../keys/key-lookup.js'
import { describeKey as metadata } from '../keys/key-metadata.js'
import { requireAccess } from '../keys/key-use.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'
import { KEY_ID, readGrantTokens } from '../request-members.js'

const OPERATION = 'DescribeKey'

/** KMS API Reference, "DescribeKey". */
export async function describeKey(input: unknown, ctx: OperationContext): Promise<object> {
  const { keyId } = readRequest(input, (r) => {
    readGrantTokens(r)
    return { keyId: r.required('KeyId', r.text('KeyId', KEY_ID)) }
  })
  const key = findKey(ctx, keyId, { operation: OPERATION, aliases: true, arnErrors: true })
  requireAccess(ctx, key, { operation: OPERATION })
  return { KeyMetadata: metadata(ctx.account.accountId, key) }
}
