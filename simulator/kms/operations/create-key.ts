import { kmsArn, partitionOf } from '../arn.js'
import { limitExceeded } from '../errors.js'
import { readKeyPolicy } from '../keys/given-key-policy.js'
import { checkChoice, readKeyChoice, simulatedSpec } from '../keys/key-choice.js'
import { describeKey } from '../keys/key-metadata.js'
import { createKey as newKey, newKeyId } from '../keys/keys.js'
import { checkTags, readTags } from '../keys/tags.js'
import type { OperationContext } from '../operation.js'
import { authorize } from '../policy/authorize.js'
import { defaultKeyPolicy } from '../policy/policy-document.js'
import { readRequest } from '../request.js'
import { POLICY } from '../request-members.js'

/** KMS takes 100,000; each of ours stands in memory and in one file. */
const MAX_KEYS = 10_000

/** KMS API Reference, "CreateKey". */
export async function createKey(input: unknown, ctx: OperationContext): Promise<object> {
  const { account } = ctx
  const request = readRequest(input, (r) => ({
    ...readKeyChoice(r),
    policy: r.text('Policy', POLICY),
    description: r.text('Description', { min: 0, max: 8192 }) ?? '',
    bypassLockoutCheck: r.flag('BypassPolicyLockoutSafetyCheck'),
    tags: readTags(r),
  }))
  checkChoice(request)
  checkTags(request.tags)
  authorize(ctx.principal, { action: 'kms:CreateKey' }, ctx.onDenial)
  const spec = simulatedSpec(request)
  const id = newKeyId()
  const policyText = request.policy ?? defaultPolicy(ctx)
  const policy = readKeyPolicy(ctx, policyText, { ...request, keyArn: kmsArn(account, `key/${id}`) })
  requireRoom(account.keys.size)
  const { description } = request
  const key = await newKey(account, { id, spec, description, created: ctx.now(), policyText, policy })
  await account.change(({ keys }) => {
    requireRoom(keys.size)
    keys.set(id, key)
  })
  return { KeyMetadata: describeKey(account.accountId, key) }
}

function defaultPolicy({ account }: OperationContext): string {
  return JSON.stringify(defaultKeyPolicy(account.accountId, partitionOf(account.region)), undefined, 2)
}

function requireRoom(keys: number): void {
  // invented: AWS does not publish this text
  if (keys >= MAX_KEYS) throw limitExceeded(`The simulated account has ${MAX_KEYS} keys already`)
}
