/** How a client comes by its credentials: one cache, and one fetch for all calls. */
import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-kms'
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider, Pluggable } from '@smithy/types'
import { refreshingCredentials } from '../../shared/credentials/refreshing.js'
import { OperationError, UsageError } from '../../shared/errors.js'
import { type NoRetry, nameOf, type Replace, retryExpired } from './expired-credentials.js'

/** A provider that keeps what it has by itself: it is asked at each call, and nobody keeps what it gives. */
export interface MemoizedProvider extends AwsCredentialIdentityProvider {
  /** The AWS SDK's own mark for that. */
  readonly memoized: true
}

export function memoized(provider: AwsCredentialIdentityProvider): MemoizedProvider {
  return Object.assign(provider, { memoized: true as const })
}

/** What can be given: an identity, a provider, or something that has one, such as what pushedCredentials() gives. */
export type GivenCredentials =
  | AwsCredentialIdentity
  | AwsCredentialIdentityProvider
  | { readonly provider: AwsCredentialIdentityProvider }

export interface CredentialsOfClient {
  /** For the SDK. A function in any case: no inspection of a client shows an identity. */
  readonly provider: MemoizedProvider
  /** Tries once again, with other credentials, what KMS refused with ExpiredTokenException. */
  readonly retry: Pluggable<ServiceInputTypes, ServiceOutputTypes>
  /** For an ExpiredTokenException; `undefined` when other credentials were refused, too. */
  noRetry(error: object): NoRetry | undefined
}

/** Milliseconds that a provider may take; it may have to ask others, and to try again. */
const TIMEOUT = 30_000

/** Throws UsageError ERR_USAGE. */
export function credentialsOfClient(given: GivenCredentials): CredentialsOfClient {
  const source = sourceOf(given)
  const reasons = new WeakMap<object, NoRetry>()
  return {
    provider: source.provider,
    retry: retryExpired(source.replace, reasons),
    noRetry: (error) => reasons.get(error),
  }
}

/** `replace` is absent where there is nobody to ask. */
function sourceOf(given: GivenCredentials): {
  readonly provider: MemoizedProvider
  readonly replace?: Replace
} {
  const provider = typeof given === 'object' && given !== null && 'provider' in given ? given.provider : given
  if (typeof provider === 'function') {
    const asked = isMemoized(provider) ? provider : refreshed(provider)
    return { provider: asked, replace: replacing(asked) }
  }
  if (!isIdentity(provider)) {
    throw new UsageError('ERR_USAGE', 'credentials: neither an identity nor a provider of one')
  }
  const identity = { ...provider }
  return { provider: memoized(async () => ({ ...identity })) }
}

const isMemoized = (provider: AwsCredentialIdentityProvider): provider is MemoizedProvider =>
  'memoized' in provider && provider.memoized === true

export function isIdentity(value: unknown): value is AwsCredentialIdentity {
  const { accessKeyId, secretAccessKey } = (value ?? {}) as Partial<AwsCredentialIdentity>
  return typeof accessKeyId === 'string' && typeof secretAccessKey === 'string'
}

const GIVER = 'the provider of credentials'

/** A provider that keeps nothing is asked before its credentials expire, and once for all. */
function refreshed(provider: AwsCredentialIdentityProvider): MemoizedProvider {
  const credentials = refreshingCredentials({
    giver: GIVER,
    timeout: TIMEOUT,
    fetch: async (_, { forceRefresh }) => {
      const identity: unknown = await provider(forceRefresh ? { forceRefresh } : {})
      if (!isIdentity(identity)) throw new OperationError('ERR_CREDENTIALS', `${GIVER} gave none`)
      return { ...identity }
    },
  })
  return memoized(async (options) => ({
    ...(await credentials.get({ forceRefresh: options?.forceRefresh === true })),
  }))
}

/** The credentials that there are by now; if they are still the refused ones, newly fetched ones, once for all. */
function replacing(provider: MemoizedProvider): Replace {
  const pending = new Map<string, Promise<AwsCredentialIdentity>>()
  return (refused) => {
    const name = nameOf(refused)
    const known = pending.get(name)
    if (known !== undefined) return known
    const replacement = (async () => {
      const current = await provider()
      return nameOf(current) === name ? await provider({ forceRefresh: true }) : current
    })().finally(() => pending.delete(name))
    pending.set(name, replacement)
    return replacement
  }
}
