import { kmsArn } from '../arn.js'
import { aliasExists, validation } from '../errors.js'
import { checkNewAlias } from '../keys/alias-name.js'
import { findKey } from '../keys/key-lookup.js'
import type { OperationContext } from '../operation.js'
import { authorize } from '../policy/authorize.js'
import { readRequest } from '../request.js'
import { KEY_ID } from '../request-members.js'

const OPERATION = 'CreateAlias'

/** KMS API Reference, "CreateAlias": allowed on the alias by an identity policy, and on the key. */
export async function createAlias(input: unknown, ctx: OperationContext): Promise<object> {
  const { name, target } = readRequest(input, (r) => ({
    name: r.required('AliasName', r.text('AliasName', { max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ })),
    target: r.required('TargetKeyId', r.text('TargetKeyId', KEY_ID)),
  }))
  checkNewAlias(name)
  if (/^(arn:[^:]*:kms:[^:]*:[^:]*:)?alias\//.test(target)) {
    throw validation('Aliases must refer to keys. Not aliases')
  }
  const aliasArn = kmsArn(ctx.account, name)
  await ctx.account.change((draft) => {
    const key = findKey(ctx, target, { operation: OPERATION, state: draft })
    authorize(ctx.principal, { action: `kms:${OPERATION}`, key, resources: [aliasArn] }, ctx.onDenial)
    if (draft.aliases.has(name)) throw aliasExists(aliasArn)
    draft.aliases.set(name, { name, target: key.id, created: ctx.now() })
  })
  return {}
}
