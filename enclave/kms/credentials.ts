/** An enclave's credentials: pushed by its parent, again before they expire; or fetched from it, see fromParent. */
import type { AwsCredentialIdentity } from '@smithy/types'
import { OperationError } from '../../shared/errors.js'

export { type FromParentOptions, fromParent } from './parent-credentials.js'

export interface PushedCredentials {
  /** What createKmsClient takes; throws OperationError ERR_CREDENTIALS while there are none that are valid. */
  readonly provider: () => Promise<AwsCredentialIdentity>
  /**
   * The next call, and those after it, are signed with these. Throws OperationError ERR_CREDENTIALS for what has
   * expired already; what was there before stays.
   */
  push(credentials: AwsCredentialIdentity): void
}

/** Credentials as JSON has them. */
export interface GivenCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  /** ISO 8601. */
  readonly expiration?: string | undefined
}

export function identityOf(given: GivenCredentials): AwsCredentialIdentity {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = given
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    ...(expiration !== undefined && { expiration: new Date(expiration) }),
  }
}

/** Milliseconds. The SDK asks again for what expires within five minutes: so every call asks, and sees a push at once. */
const ASK_AGAIN = 60_000

/** Holds the last credentials pushed. They are in memory only, and in no error. */
export function pushedCredentials(now: () => number = Date.now): PushedCredentials {
  let current: AwsCredentialIdentity | undefined
  return {
    provider: async () => {
      if (current === undefined) {
        throw new OperationError(
          'ERR_CREDENTIALS',
          'no credentials yet: the parent has to push those of its role',
        )
      }
      const { expiration } = current
      if (expiration !== undefined && expiration.getTime() <= now()) throw expired(expiration)
      return { ...current, expiration: new Date(now() + ASK_AGAIN) }
    },
    push: (credentials) => {
      const { expiration } = credentials
      if (expiration !== undefined && expiration.getTime() <= now()) throw expired(expiration)
      current = { ...credentials }
    },
  }
}

function expired(expiration: Date): OperationError {
  const when = expiration.toISOString()
  return new OperationError(
    'ERR_CREDENTIALS',
    `the credentials expired at ${when}: the parent has to push new ones`,
  )
}
