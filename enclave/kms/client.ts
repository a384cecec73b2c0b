/** A KMSClient for the enclave: host, way and trust are fixed when it is made. */
import { KMSClient } from '@aws-sdk/client-kms'
import type { Logger } from '@smithy/types'
import { UsageError } from '../../shared/errors.js'
import { connect, PARENT_CID } from '../../shared/vsock/index.js'
import { endAbortedCalls } from './aborted-calls.js'
import { type Dial, EnclaveAgent } from './agent.js'
import { explainFailures } from './diagnose.js'
import { readExpectedPcrs } from './diagnosis/pcrs.js'
import { checkHost, kmsHost } from './endpoint.js'
import { regionFromEnvironment } from './environment.js'
import { nameTransportFailures } from './errors.js'
import { type NitroRecipientOptions, nitroRecipient } from './middleware.js'
import { PinnedHandler } from './pinned-handler.js'
import type { Recipient, RecipientSource } from './recipient.js'
import { credentialsOfClient, type GivenCredentials } from './refreshed-credentials.js'
import { amazonTrustAnchors } from './trust-anchors.js'

/** `mix` and `requireKeyArn` need a recipient. */
export interface KmsClientOptions extends NitroRecipientOptions {
  /** By default AWS_REGION, else AWS_DEFAULT_REGION. */
  readonly region?: string | undefined
  /** Makes calls attested; see nitroRecipient. */
  readonly recipient?: Recipient | RecipientSource | undefined
  /**
   * An identity, or what renews itself: fromParent(), fromEnvironment(), pushedCredentials(), any provider. A provider
   * is asked five minutes before its credentials expire, once for all calls; while it fails, the last ones are used as
   * long as they are valid. What KMS calls expired nevertheless is fetched anew (with `forceRefresh`), and the call is
   * tried once again.
   */
  readonly credentials: GivenCredentials
  /** 48 bytes in hex by index: what policies are expected to want. Used to explain a refusal, for nothing else. */
  readonly expectedPcrs?: Readonly<Record<number, string>> | undefined
  /** Asks the FIPS endpoint. */
  readonly fips?: boolean | undefined
  /** The host instead of the region's public endpoint, such as that of a VPC endpoint. Excludes `fips`. */
  readonly host?: string | undefined
  /** By default a vsock connection to port 8000 of the parent instance, CID 3. */
  readonly dial?: Dial | undefined
  /** PEM roots instead of Amazon's. */
  readonly trustAnchors?: readonly string[] | undefined
  /** Opens the connection of the first call when the client is made; false by default. */
  readonly connectAhead?: boolean | undefined
  /** Milliseconds for dial and TLS handshake, 5,000 by default. */
  readonly connectTimeout?: number | undefined
  /** Milliseconds for one attempt until the answer begins, and again until it ends; 10,000 by default. */
  readonly requestTimeout?: number | undefined
  /** Attempts in all, 3 by default. */
  readonly maxAttempts?: number | undefined
  readonly logger?: Logger | undefined
}

/** Where the parent's proxy to KMS listens, by the convention of AWS's vsock-proxy. */
const PROXY_PORT = 8000

/**
 * A real KMSClient whose TLS ends in this process. No profile and no environment variable but those of `region` changes
 * its host, its protocol or its trust. `client.destroy()` closes the connections.
 *
 * Throws UsageError ERR_USAGE naming the option. Calls throw OperationError ERR_KMS_TLS, ERR_KMS_TIMEOUT and
 * ERR_KMS_CONNECTION, ERR_KMS_ANSWER for what is no answer of KMS, ERR_VSOCK_UNAVAILABLE where the kernel has no vsock,
 * KMS's own exceptions, and with a recipient what nitroRecipient throws; an AbortError when they are aborted. These
 * errors have a `diagnosis` (see diagnosisOf) where the cause is likely known, and tell it in their message:
 * docs/kms-errors.md.
 */
export function createKmsClient(options: KmsClientOptions): KMSClient {
  const { region = regionFromEnvironment(), recipient, logger, mix, requireKeyArn } = options
  const { connectTimeout = 5_000, requestTimeout = 10_000, maxAttempts = 3 } = options
  const { dial = dialParent(connectTimeout) } = options
  const credentials = credentialsOfClient(options.credentials)
  if (typeof dial !== 'function') throw new UsageError('ERR_USAGE', 'dial: not a function')
  if (recipient === undefined && (mix !== undefined || requireKeyArn === true)) {
    throw new UsageError('ERR_USAGE', 'recipient: missing, and mix or requireKeyArn given')
  }
  for (const [name, value] of Object.entries({ connectTimeout, requestTimeout, maxAttempts })) {
    if (!Number.isInteger(value) || value < 1 || value > MAX_TIMER) {
      throw new UsageError('ERR_USAGE', `${name}: not a positive integer`)
    }
  }
  if (options.host !== undefined && options.fips) throw new UsageError('ERR_USAGE', 'host: excludes fips')
  const regional = kmsHost(region, { fips: options.fips })
  const host = options.host === undefined ? regional : checkHost(options.host)
  const expectedPcrs = readExpectedPcrs(options.expectedPcrs)
  const trustAnchors = options.trustAnchors ?? amazonTrustAnchors()
  if (trustAnchors.length === 0) throw new UsageError('ERR_USAGE', 'trustAnchors: empty')

  const agent = new EnclaveAgent({ host, dial, trustAnchors, connectTimeout })
  if (options.connectAhead === true) agent.connectAhead()
  const client = new KMSClient({
    region,
    credentials: credentials.provider,
    endpoint: `https://${host}`,
    requestHandler: new PinnedHandler(host, agent, requestTimeout, logger),
    maxAttempts,
    // What follows would else be looked up in the environment and in profile files.
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    retryMode: 'standard',
    defaultsMode: 'standard',
    authSchemePreference: ['sigv4'],
    disableClockSkewCorrection: false,
    userAgentAppId: async () => undefined,
    ...(logger === undefined ? {} : { logger }),
  })
  // From the outermost inwards.
  client.middlewareStack.use(endAbortedCalls())
  client.middlewareStack.use(explainFailures({ region, host, expectedPcrs, noRetry: credentials.noRetry }))
  client.middlewareStack.use(nameTransportFailures(host))
  client.middlewareStack.use(credentials.retry)
  if (recipient !== undefined) client.middlewareStack.use(nitroRecipient(recipient, { mix, requireKeyArn }))
  return client
}

const dialParent =
  (timeout: number): Dial =>
  ({ signal }) =>
    connect({ cid: PARENT_CID, port: PROXY_PORT, timeout, signal })

/** The longest that a Node timer waits, in milliseconds: a longer one fires at once. */
const MAX_TIMER = 2 ** 31 - 1
