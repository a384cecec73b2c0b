/** The role of the EC2 instance, from its metadata service: IMDSv2 only. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type CredentialsSource, credentialsError, fromIdentity } from './source.js'

const GIVER = 'the instance metadata service'
/** Milliseconds of silence on one of the three requests. */
const TIMEOUT = 1_000
const ATTEMPTS = 3
/** Milliseconds, twice as many before the third attempt. */
const RETRY_DELAY = 100

/** Would print to the console. */
const silent = { debug() {}, info() {}, warn() {}, error() {} }

const HINTS = {
  noRole: 'the instance has no role: attach an instance profile',
  noToken:
    'it gave no session token: allow IMDSv2 on the instance, and from a container a hop limit of 2 at least',
}

const attempt = async () => {
  // Loaded where it is used only: whoever serves no credentials need not wait for it.
  const { fromInstanceMetadata } = await import('@smithy/credential-provider-imds')
  // A new provider each time: an old one would give its last credentials again with an expiration that it made up
  // ("static stability"), and ask for no session token any more after one refusal.
  const provider = fromInstanceMetadata({ ec2MetadataV1Disabled: true, timeout: TIMEOUT, logger: silent })
  const { originalExpiration, ...identity } = await provider()
  return fromIdentity({ ...identity, ...(originalExpiration && { expiration: originalExpiration }) }, GIVER)
}

const hintFor = (error: unknown): string | undefined => {
  const { name, statusCode } = error as { readonly name?: string; readonly statusCode?: number }
  if (statusCode === 404) return HINTS.noRole
  return name === 'InstanceMetadataV1FallbackError' ? HINTS.noToken : undefined
}

/**
 * The endpoint is the service's, or what AWS_EC2_METADATA_SERVICE_ENDPOINT and the SDK's other settings say. Three
 * attempts, each of three requests that may be silent for one second.
 */
export const imdsSource = (): CredentialsSource => ({
  giver: GIVER,
  fetch: async (signal) => {
    for (let count = 1; ; count++) {
      try {
        return await attempt()
      } catch (error) {
        const hint = hintFor(error)
        if (hint === HINTS.noRole || count === ATTEMPTS || signal.aborted) {
          throw credentialsError(GIVER, error, hint)
        }
      }
      await sleep(RETRY_DELAY * count)
    }
  },
})
