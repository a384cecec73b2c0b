/**
 * Credentials that can do less than the parent's own: AssumeRole with a session policy (IAM User Guide, "Session
 * policies"). The session may do what the role may and the policy lists; here, the named actions of KMS.
 */
import { checkedCredentials } from '../../shared/credentials/container-shape.js'
import { MAX_CHAINED_DURATION, type SessionPolicyConfig } from './config.js'
import { type CredentialsSource, credentialsError } from './source.js'

/** In CloudTrail, and in the ARN of the assumed role. */
const SESSION_NAME = 'nitro-enclave-parent-proxy'
/** Milliseconds. */
const DEFAULT_DURATION = 3_600_000
const CONNECT_TIMEOUT = 3_000
const REQUEST_TIMEOUT = 5_000

const policyFor = (actions: readonly string[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  })

const hintFor = (
  error: unknown,
  { giver }: CredentialsSource,
  { roleArn, duration = DEFAULT_DURATION }: SessionPolicyConfig,
): string | undefined => {
  const { name } = (error ?? {}) as { readonly name?: string }
  if (name === 'AccessDenied')
    return `the trust policy of ${roleArn}, and the parent's own role, must allow sts:AssumeRole`
  if (name === 'ValidationError' && duration > MAX_CHAINED_DURATION)
    return 'a role that assumes a role gets 3,600 seconds at most: lower the duration'
  return name === 'ExpiredToken' ? `${giver} gave credentials that have expired` : undefined
}

/**
 * `source`'s credentials exchanged for those of a session of `roleArn`, which may be the parent's own role where its
 * trust policy lets it assume itself. `duration` is the session's: the role's MaxSessionDuration bounds it, and where
 * `source` gives the credentials of a role (imds and container always do) that is role chaining, which STS limits to
 * one hour, whatever the role says: more is refused. `endpoint`: instead of the region's.
 */
export const withSessionPolicy = (
  source: CredentialsSource,
  config: SessionPolicyConfig,
  endpoint?: string,
): CredentialsSource => {
  const { roleArn, actions, region, duration = DEFAULT_DURATION } = config
  const giver = `STS in ${region}`
  return {
    ...source,
    giver,
    fetch: async (signal) => {
      const credentials = await source.fetch(signal)
      // Loaded where they are used only: whoever serves no sessions need not wait for them.
      const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts')
      const { NodeHttpHandler } = await import('@smithy/node-http-handler')
      // A client for one call: it would keep `credentials`.
      const client = new STSClient({
        region,
        credentials,
        requestHandler: new NodeHttpHandler({
          connectionTimeout: CONNECT_TIMEOUT,
          requestTimeout: REQUEST_TIMEOUT,
          throwOnRequestTimeout: true,
        }),
        ...(endpoint !== undefined && { endpoint }),
      })
      try {
        const command = new AssumeRoleCommand({
          RoleArn: roleArn,
          RoleSessionName: SESSION_NAME,
          DurationSeconds: duration / 1_000,
          Policy: policyFor(actions),
        })
        const { Credentials: session } = await client.send(command, { abortSignal: signal })
        const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = session ?? {}
        return checkedCredentials(
          { AccessKeyId, SecretAccessKey, Token: SessionToken, Expiration: Expiration?.toJSON() },
          giver,
        )
      } catch (error) {
        throw credentialsError(giver, error, hintFor(error, source, config))
      } finally {
        client.destroy()
      }
    },
  }
}
