/** One retry, with other credentials, for a call that KMS refused with ExpiredTokenException. */
import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-kms'
import {
  type AwsCredentialIdentity,
  type FinalizeHandler,
  type HandlerExecutionContext,
  type Pluggable,
  SMITHY_CONTEXT_KEY,
} from '@smithy/types'

/** Why there was no retry: nobody to ask, the same ones again, or whoever was asked failed. */
export type NoRetry = 'fixed' | 'same' | 'failed'

/** Gives others than the refused ones, or the same when there are none. */
export type Replace = (refused: AwsCredentialIdentity) => Promise<AwsCredentialIdentity>

/** What tells one set of credentials from another. */
export const nameOf = ({ accessKeyId, sessionToken = '' }: AwsCredentialIdentity): string =>
  `${accessKeyId} ${sessionToken}`

type Next = FinalizeHandler<ServiceInputTypes, ServiceOutputTypes>

/** Where the SDK keeps what it signs a call with; it takes it from there at each attempt. */
interface SelectedScheme {
  identity: AwsCredentialIdentity
}

function schemeOf(context: HandlerExecutionContext): SelectedScheme | undefined {
  return context[SMITHY_CONTEXT_KEY]?.selectedHttpAuthScheme as SelectedScheme | undefined
}

/**
 * Compares with what the refused request was signed with. `reasons` takes in each ExpiredTokenException that was not
 * answered with a retry; `replace` is absent where there is nobody to ask.
 */
export function retryExpired(
  replace: Replace | undefined,
  reasons: WeakMap<object, NoRetry>,
): Pluggable<ServiceInputTypes, ServiceOutputTypes> {
  const retried = new WeakSet<HandlerExecutionContext>()

  /** Changes what the call is signed with, or says why not. */
  const renew = async (context: HandlerExecutionContext, error: Error): Promise<NoRetry | undefined> => {
    const scheme = schemeOf(context)
    if (replace === undefined || scheme === undefined) return 'fixed'
    const { identity } = scheme
    try {
      const other = await replace(identity)
      if (nameOf(other) === nameOf(identity)) return 'same'
      scheme.identity = other
      return undefined
    } catch (cause) {
      Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true })
      return 'failed'
    }
  }

  return {
    applyToStack(stack) {
      // Within one attempt of the SDK, around the signing: whatever maxAttempts says.
      stack.addRelativeTo(
        (next: Next, context: HandlerExecutionContext): Next =>
          async (args) => {
            try {
              return await next(args)
            } catch (error) {
              if (!(error instanceof Error) || error.name !== 'ExpiredTokenException') throw error
              if (retried.has(context)) throw error
              retried.add(context)
              const reason = await renew(context, error)
              if (reason !== undefined) {
                reasons.set(error, reason)
                throw error
              }
            }
            return next(args)
          },
        { name: 'nitroExpiredCredentials', relation: 'before', toMiddleware: 'httpSigningMiddleware' },
      )
    },
  }
}
