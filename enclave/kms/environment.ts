/**
 * What a client takes from its environment: the region, and credentials where they are asked for. Nothing else there
 * counts: no endpoint, no profile, no proxy. Messages name the variable, never its value.
 */
import type { AwsCredentialIdentity } from '@smithy/types'
import { checkedCredentials } from '../../shared/credentials/container-shape.js'
import { OperationError, UsageError } from '../../shared/errors.js'
import { kmsHost } from './endpoint.js'
import { type MemoizedProvider, memoized } from './refreshed-credentials.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The AWS SDKs' variables ("AWS SDKs and Tools Reference Guide", "AWS Region"); the first that is set counts. */
const REGION = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const

/** The same guide, "AWS access keys"; AWS_CREDENTIAL_EXPIRATION is what `aws configure export-credentials` writes. */
const NAMES = {
  AccessKeyId: 'AWS_ACCESS_KEY_ID',
  SecretAccessKey: 'AWS_SECRET_ACCESS_KEY',
  Token: 'AWS_SESSION_TOKEN',
  Expiration: 'AWS_CREDENTIAL_EXPIRATION',
} as const

/** AWS_REGION, else AWS_DEFAULT_REGION. Throws UsageError ERR_USAGE: neither is set, or what is set is no region. */
export function regionFromEnvironment(environment: Environment = process.env): string {
  for (const variable of REGION) {
    const region = environment[variable]
    // Empty is not set, as for the AWS SDKs.
    if (region) return checkedRegion(region, variable)
  }
  throw new UsageError('ERR_USAGE', `region: not given, and neither ${REGION.join(' nor ')} is set`)
}

function checkedRegion(region: string, variable: string): string {
  try {
    kmsHost(region)
  } catch (error) {
    throw new UsageError('ERR_USAGE', `${variable}: ${(error as Error).message}`)
  }
  return region
}

export interface FromEnvironmentOptions {
  /** Default process.env. */
  readonly environment?: Environment | undefined
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
}

/**
 * What createKmsClient takes as `credentials`: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and
 * AWS_CREDENTIAL_EXPIRATION (RFC 3339), read at each call. The provider rejects with OperationError ERR_CREDENTIALS
 * that names the variable.
 */
export function fromEnvironment(options: FromEnvironmentOptions = {}): MemoizedProvider {
  const { environment = process.env, now = Date.now } = options
  return memoized(async (): Promise<AwsCredentialIdentity> => {
    const given = Object.fromEntries(
      Object.entries(NAMES).flatMap(([member, name]) => {
        const value = environment[name]
        return value ? [[member, value]] : []
      }),
    )
    for (const member of ['AccessKeyId', 'SecretAccessKey'] as const) {
      if (given[member] === undefined) throw unusable(`${NAMES[member]} is not set`)
    }
    const credentials = checkedCredentials(given, 'the environment', NAMES)
    const { expiration } = credentials
    if (expiration !== undefined && expiration.getTime() <= now()) {
      const clock = new Date(now()).toISOString()
      throw unusable(`${NAMES.Expiration} has passed (the clock here says ${clock}): set new ones`)
    }
    return credentials
  })
}

function unusable(words: string): OperationError {
  return new OperationError('ERR_CREDENTIALS', `the environment gave no credentials: ${words}`)
}
