/** The role of an ECS task or an EKS pod, from the endpoint that its environment names. */
import { OperationError } from '../../shared/errors.js'
import { type CredentialsSource, credentialsError, fromIdentity } from './source.js'

const GIVER = 'the container credentials endpoint'
/** The SDK's provider cannot be stopped: so many that never end, and no more are begun. */
const MAX_HANGING = 4
/** Milliseconds, longer than anybody waits: it is the provider's limit on connecting, after which it would warn. */
const TIMEOUT = 300_000

const VARIABLES = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'] as const

const DEMANDED =
  'it must answer with AccessKeyId, SecretAccessKey, Token and Expiration, and by HTTPS unless it is on loopback or the address of ECS or EKS'
/** The provider has its causes in its message only, beside what may be a secret. */
const CAUSE =
  /\b(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)\b|status: \d{3}$/

const hintFor = (error: unknown): string => CAUSE.exec((error as Error).message)?.[0] ?? DEMANDED

const refused = (words: string): OperationError => new OperationError('ERR_CREDENTIALS', `${GIVER} ${words}`)

/**
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI before AWS_CONTAINER_CREDENTIALS_FULL_URI; with
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, or AWS_CONTAINER_AUTHORIZATION_TOKEN. Hosts other than loopback and those of
 * ECS and EKS need HTTPS.
 */
export const containerSource = (): CredentialsSource => {
  let hanging = 0
  return {
    giver: GIVER,
    fetch: async () => {
      if (VARIABLES.every((name) => !process.env[name])) {
        throw refused(`is not known: neither ${VARIABLES.join(' nor ')} is set; on EC2 the source is imds`)
      }
      if (hanging >= MAX_HANGING) throw refused(`has left ${hanging} requests without an answer`)
      hanging++
      try {
        const { fromHttp } = await import('@aws-sdk/credential-provider-http')
        const identity = await fromHttp({ maxRetries: 0, timeout: TIMEOUT })()
        return fromIdentity(identity, GIVER)
      } catch (error) {
        throw credentialsError(GIVER, error, hintFor(error))
      } finally {
        hanging--
      }
    },
  }
}
