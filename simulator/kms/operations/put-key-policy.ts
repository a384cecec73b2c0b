import { unsupportedOperation } from '../errors.js'
import { readKeyPolicy } from '../keys/given-key-policy.js'
import { changeKey } from '../keys/managed-key.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'
import { DEFAULT_POLICY_NAME, KEY_ID, POLICY, readPolicyName } from '../request-members.js'

/** KMS API Reference, "PutKeyPolicy". */
export async function putKeyPolicy(input: unknown, ctx: OperationContext): Promise<object> {
  const request = readRequest(input, (r) => ({
    keyId: r.required('KeyId', r.text('KeyId', KEY_ID)),
    policyName: readPolicyName(r),
    policyText: r.required('Policy', r.text('Policy', POLICY)),
    bypassLockoutCheck: r.flag('BypassPolicyLockoutSafetyCheck'),
  }))
  const { policyText } = request
  await changeKey(ctx, request.keyId, 'PutKeyPolicy', (key) => {
    if (request.policyName !== DEFAULT_POLICY_NAME) {
      // invented: AWS does not publish this text
      throw unsupportedOperation(`A key has no other policy than ${DEFAULT_POLICY_NAME}`)
    }
    return { ...key, policyText, policy: readKeyPolicy(ctx, policyText, { ...request, keyArn: key.arn }) }
  })
  return {}
}
