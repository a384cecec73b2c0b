import { notFound } from '../errors.js'
import { managedKey } from '../keys/managed-key.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'
import { DEFAULT_POLICY_NAME, KEY_ID, readPolicyName } from '../request-members.js'

/** KMS API Reference, "GetKeyPolicy": the text as it was given. */
export async function getKeyPolicy(input: unknown, ctx: OperationContext): Promise<object> {
  const { keyId, policyName } = readRequest(input, (r) => ({
    keyId: r.required('KeyId', r.text('KeyId', KEY_ID)),
    policyName: readPolicyName(r),
  }))
  const key = managedKey(ctx, keyId, 'GetKeyPolicy')
  // invented: AWS does not publish this text
  if (policyName !== DEFAULT_POLICY_NAME) throw notFound(`The key has no policy ${policyName}`)
  return { Policy: key.policyText, PolicyName: policyName }
}
