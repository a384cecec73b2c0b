/** The last gate before the wire: one host, HTTPS only, and an end to every answer, in time and in size. */
import { pipeline, type Readable, Transform } from 'node:stream'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Logger } from '@smithy/types'
import { OperationError, UsageError } from '../../shared/errors.js'
import type { EnclaveAgent } from './agent.js'

/** Bytes of an answer at most; KMS's longest, a key pair's, has some 15,000. */
const MAX_ANSWER_LENGTH = 256 * 1024

/** The same bytes, and an error as soon as there are too many. */
function limited(body: Readable): Readable {
  let length = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      length += chunk.length
      if (length <= MAX_ANSWER_LENGTH) callback(null, chunk)
      else callback(tooLong())
    },
  })
  return pipeline(body, limit, () => undefined)
}

function tooLong(): OperationError {
  return new OperationError('ERR_KMS_CONNECTION', `an answer of more than ${MAX_ANSWER_LENGTH} bytes`)
}

type Handle = NodeHttpHandler['handle']

export class PinnedHandler extends NodeHttpHandler {
  readonly #host: string
  readonly #agent: EnclaveAgent
  readonly #requestTimeout: number

  constructor(host: string, httpsAgent: EnclaveAgent, requestTimeout: number, logger?: Logger) {
    super({
      httpsAgent,
      requestTimeout,
      throwOnRequestTimeout: true,
      ...(logger === undefined ? {} : { logger }),
    })
    this.#host = host
    this.#agent = httpsAgent
    this.#requestTimeout = requestTimeout
  }

  /** NodeHttpHandler itself knows of no agent before the first call. */
  override destroy(): void {
    this.#agent.destroy()
    super.destroy()
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
