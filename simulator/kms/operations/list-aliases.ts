import { kmsArn } from '../arn.js'
import { findKey } from '../keys/key-lookup.js'
import { seconds } from '../keys/key-metadata.js'
import type { OperationContext } from '../operation.js'
import { page, readPage } from '../pagination.js'
import { authorize } from '../policy/authorize.js'
import { readRequest } from '../request.js'
import { KEY_ID } from '../request-members.js'

const OPERATION = 'ListAliases'

/** KMS API Reference, "ListAliases": allowed by an identity policy on no key in particular. */
export async function listAliases(input: unknown, ctx: OperationContext): Promise<object> {
  const { keyId, ...request } = readRequest(input, (r) => ({
    keyId: r.text('KeyId', KEY_ID),
    ...readPage(r, 50, { max: 100 }),
  }))
  const of = keyId === undefined ? undefined : findKey(ctx, keyId, { operation: OPERATION, arnErrors: true })
  authorize(ctx.principal, { action: `kms:${OPERATION}` }, ctx.onDenial)
  const aliases = [...ctx.account.aliases.values()].filter(
    ({ target }) => of === undefined || target === of.id,
  )
  const { shown, next } = page(aliases, ({ name }) => name, request)
  return {
    Aliases: shown.map(({ name, target, created }) => ({
      AliasName: name,
      AliasArn: kmsArn(ctx.account, name),
      TargetKeyId: target,
      CreationDate: seconds(created),
      LastUpdatedDate: seconds(created),
    })),
    ...next,
  }
}
