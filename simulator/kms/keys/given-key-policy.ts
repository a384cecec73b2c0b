/** Key policies that a caller gives. Source: KMS API Reference, "PutKeyPolicy", Policy and BypassPolicyLockoutSafetyCheck. */
import { UsageError } from '../../../shared/errors.js'
import { limitExceeded, malformedPolicy } from '../errors.js'
import type { OperationContext } from '../operation.js'
import { keepsControl } from '../policy/authorize.js'
import type { KeyPolicy } from '../policy/key-policy.js'
import { parseKeyPolicy } from '../policy/policy-document.js'

/** Bytes: KMS Developer Guide, "Resource quotas". */
const MAX_POLICY = 32_768

/** Throws KmsError MalformedPolicyDocumentException or LimitExceededException. */
export function readKeyPolicy(
  ctx: OperationContext,
  text: string,
  { keyArn, bypassLockoutCheck }: { readonly keyArn: string; readonly bypassLockoutCheck: boolean },
): KeyPolicy {
  // invented: AWS does not publish this text
  if (Buffer.byteLength(text) > MAX_POLICY)
    throw limitExceeded(`A key policy has at most ${MAX_POLICY} bytes`)
  const policy = parse(text)
  if (!bypassLockoutCheck && !keepsControl(policy, ctx.principal, keyArn)) {
    throw malformedPolicy('The new key policy will not allow you to update the key policy in the future.')
  }
  return policy
}

function parse(text: string): KeyPolicy {
  try {
    return parseKeyPolicy(text)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    // invented: AWS does not publish this text
    throw malformedPolicy(`The key policy cannot be read: ${error.message}`)
  }
}
