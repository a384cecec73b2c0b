/** An enclave's credentials, pushed by its parent, again before they expire. */
import type { AwsCredentialIdentity } from '@smithy/types'
import { expiryOf } from '../../shared/credentials/expiry.js'
import { OperationError } from '../../shared/errors.js'
import { isIdentity, type MemoizedProvider, memoized } from './refreshed-credentials.js'

export interface PushedCredentials {
  /** For any AWS client; throws OperationError ERR_CREDENTIALS while there are none that are valid. */
  readonly provider: MemoizedProvider
  /**
   * The next call, and those after it, are signed with these. Throws OperationError ERR_CREDENTIALS for what is no
   * credentials, or has expired already; what was there before stays.
   */
  push(credentials: AwsCredentialIdentity): void
}

/** Credentials as JSON has them. */
export interface JsonCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  /** ISO 8601. */
  readonly expiration?: string | undefined
}

export function identityOf(given: JsonCredentials): AwsCredentialIdentity {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = given
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    ...(expiration !== undefined && { expiration: new Date(expiration) }),
  }
}

/**
 * Milliseconds. The SDK asks again for what expires within five minutes: so every call asks, and sees a push at once,
 * also in an SDK that does not know the mark of a provider that keeps what it has.
 */
const ASK_AGAIN = 60_000

/**
 * Holds the last credentials pushed; createKmsClient takes the whole as `credentials`. They are in memory only, and in
 * no error.
 */
export function pushedCredentials(now: () => number = Date.now): PushedCredentials {
  let current: { readonly credentials: AwsCredentialIdentity; readonly expires: number } | undefined
  return {
    provider: memoized(async () => {
      if (current === undefined) {
        throw new OperationError(
          'ERR_CREDENTIALS',
          'no credentials yet: the parent has to push those of its role',
        )
      }
      const { credentials, expires } = current
      if (expires <= now()) throw expired(expires)
      return { ...credentials, expiration: new Date(now() + ASK_AGAIN) }
    }),
    push: (credentials) => {
      if (!isIdentity(credentials)) {
        throw new OperationError('ERR_CREDENTIALS', 'the parent gave no credentials')
      }
      const expires = expiryOf(credentials, 'the parent')
      if (expires <= now()) throw expired(expires)
      current = { credentials: { ...credentials }, expires }
    },
  }
}

function expired(expires: number): OperationError {
  const when = new Date(expires).toISOString()
  return new OperationError(
    'ERR_CREDENTIALS',
    `the credentials expired at ${when}: the parent has to push new ones`,
  )
}
