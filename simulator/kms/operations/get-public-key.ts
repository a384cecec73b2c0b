import { unsupportedOperation } from '../errors.js'
import { findKey } from '../keys/key-lookup.js'
import { algorithmsOf } from '../keys/key-metadata.js'
import { requireAccess, requireEnabled } from '../keys/key-use.js'
import { kindOf, publicKeyOf } from '../keys/keys.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'
import { KEY_ID, readGrantTokens } from '../request-members.js'

const OPERATION = 'GetPublicKey'

/** KMS API Reference, "GetPublicKey". */
export async function getPublicKey(input: unknown, ctx: OperationContext): Promise<object> {
  const { keyId } = readRequest(input, (r) => {
    readGrantTokens(r)
    return { keyId: r.required('KeyId', r.text('KeyId', KEY_ID)) }
  })
  const key = findKey(ctx, keyId, { operation: OPERATION, aliases: true, arnErrors: true })
  requireAccess(ctx, key, { operation: OPERATION })
  requireEnabled(key)
  const { usage, pair } = kindOf(key.spec)
  // invented: AWS does not publish this text
  if (pair === undefined) throw unsupportedOperation(`${key.arn} is symmetric: it has no public key`)
  return {
    KeyId: key.arn,
    PublicKey: publicKeyOf(key).toString('base64'),
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    KeyUsage: usage,
    ...algorithmsOf(key),
  }
}
