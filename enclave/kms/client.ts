/** A KMSClient for the enclave: host, way and trust are fixed when it is made. */
import { pipeline, type Readable, Transform } from 'node:stream'
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Logger } from '@smithy/types'
import { OperationError, UsageError } from '../../shared/errors.js'
import { connect, PARENT_CID } from '../../shared/vsock/index.js'
import { type Dial, EnclaveAgent } from './agent.js'
import { checkHost, kmsHost } from './endpoint.js'
import { nameTransportFailures } from './errors.js'
import { nitroRecipient } from './middleware.js'
import type { Recipient } from './recipient.js'
import { amazonTrustAnchors } from './trust-anchors.js'

export interface KmsClientOptions {
  readonly region: string
  /** Makes calls attested; see nitroRecipient. */
  readonly recipient?: Recipient | undefined
  readonly credentials: NonNullable<KMSClientConfig['credentials']>
  /** Asks the FIPS endpoint. */
  readonly fips?: boolean | undefined
  /** The host instead of the region's public endpoint, such as that of a VPC endpoint. Excludes `fips`. */
  readonly host?: string | undefined
  /** By default a vsock connection to port 8000 of the parent instance, CID 3. */
  readonly dial?: Dial | undefined
  /** PEM roots instead of Amazon's. */
  readonly trustAnchors?: readonly string[] | undefined
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
 * A real KMSClient whose TLS ends in this process. No environment variable and no profile changes its
 * host, its protocol or its trust. `client.destroy()` closes the connections.
 *
 * Throws UsageError ERR_USAGE naming the option. Calls throw OperationError ERR_KMS_TLS, ERR_KMS_TIMEOUT and
 * ERR_KMS_CONNECTION, ERR_VSOCK_UNAVAILABLE where the kernel has no vsock, KMS's own exceptions unchanged, and with
 * a recipient what nitroRecipient throws.
 */
export function createKmsClient(options: KmsClientOptions): KMSClient {
  const { region, recipient, credentials, logger } = options
  const { connectTimeout = 5_000, requestTimeout = 10_000, maxAttempts = 3 } = options
  const { dial = () => connect({ cid: PARENT_CID, port: PROXY_PORT, timeout: connectTimeout }) } = options
  if (!credentials) throw new UsageError('ERR_USAGE', 'credentials: missing')
  if (typeof dial !== 'function') throw new UsageError('ERR_USAGE', 'dial: not a function')
  for (const [name, value] of Object.entries({ connectTimeout, requestTimeout, maxAttempts })) {
    if (!Number.isInteger(value) || value < 1 || value > MAX_TIMER) {
      throw new UsageError('ERR_USAGE', `${name}: not a positive integer`)
    }
  }
  if (options.host !== undefined && options.fips) throw new UsageError('ERR_USAGE', 'host: excludes fips')
  const regional = kmsHost(region, { fips: options.fips })
  const host = options.host === undefined ? regional : checkHost(options.host)
  const trustAnchors = options.trustAnchors ?? amazonTrustAnchors()
  if (trustAnchors.length === 0) throw new UsageError('ERR_USAGE', 'trustAnchors: empty')

  const agent = new EnclaveAgent({ host, dial, trustAnchors, connectTimeout })
  const client = new KMSClient({
    region,
    credentials,
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
  client.middlewareStack.use(nameTransportFailures(host))
  if (recipient !== undefined) client.middlewareStack.use(nitroRecipient(recipient))
  return client
}

/** The longest that a Node timer waits, in milliseconds: a longer one fires at once. */
const MAX_TIMER = 2 ** 31 - 1

/** Bytes of an answer at most; KMS's longest, a key pair's, has some 15,000. */
const MAX_ANSWER_LENGTH = 256 * 1024

/** The same bytes, and an error as soon as there are too many. */
function limited(body: Readable): Readable {
  let length = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      length += chunk.length
      const error = new OperationError(
        'ERR_KMS_CONNECTION',
        `an answer of more than ${MAX_ANSWER_LENGTH} bytes`,
      )
      if (length > MAX_ANSWER_LENGTH) callback(error)
      else callback(null, chunk)
    },
  })
  return pipeline(body, limit, () => undefined)
}

type Handle = NodeHttpHandler['handle']

/** The last gate before the wire: one host, HTTPS only, and an end to every answer, in time and in size. */
class PinnedHandler extends NodeHttpHandler {
  readonly #host: string
  readonly #requestTimeout: number

  constructor(host: string, httpsAgent: EnclaveAgent, requestTimeout: number, logger?: Logger) {
    super({
      httpsAgent,
      requestTimeout,
      throwOnRequestTimeout: true,
      ...(logger === undefined ? {} : { logger }),
    })
    this.#host = host
    this.#requestTimeout = requestTimeout
  }

  override async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    if (request.protocol !== 'https:' || request.hostname !== this.#host || (request.port ?? 443) !== 443) {
      throw new UsageError('ERR_USAGE', `this client speaks to https://${this.#host} only`)
    }
    const answer = await super.handle(request, options)
    // NodeHttpHandler stops its clock when the answer begins.
    const body = limited(answer.response.body as Readable)
    answer.response.body = body
    const late = () => body.destroy(new OperationError('ETIMEDOUT', 'the answer did not end in time'))
    const timer = setTimeout(late, this.#requestTimeout)
    body.once('close', () => clearTimeout(timer))
    return answer
  }
}
