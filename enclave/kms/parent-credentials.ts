/** Credentials that the enclave fetches from its parent, by vsock and HTTP, before it needs them. */
import http from 'node:http'
import * as z from 'zod'
import {
  type Credentials,
  MAX_ANSWER_LENGTH,
  readCredentials,
} from '../../shared/credentials/container-shape.js'
import { refreshingCredentials } from '../../shared/credentials/refreshing.js'
import { OperationError, UsageError } from '../../shared/errors.js'
import { withoutControls } from '../../shared/printable.js'
import { checkAddress, formatAddress } from '../../shared/vsock/address.js'
import { type ConnectOptions, connect, PARENT_CID, type VsockTransport } from '../../shared/vsock/index.js'
import { type MemoizedProvider, memoized } from './refreshed-credentials.js'

export interface FromParentOptions {
  /** Default 3, the parent instance. */
  readonly cid?: number | undefined
  /** Where the parent's proxy has a listener for credentials, default 8001. */
  readonly port?: number | undefined
  /** Default: the kernel's. */
  readonly transport?: VsockTransport | undefined
  /** Milliseconds from the connection to the end of the answer, default 5,000. */
  readonly timeout?: number | undefined
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
}

const CREDENTIALS_PORT = 8001
/** Characters of the parent's words in ours. */
const MAX_REASON = 500
/** The longest that a Node timer waits, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1

interface Answer {
  readonly status: number
  readonly text: string
}

/**
 * What createKmsClient takes as `credentials`. The parent's proxy serves them; of its answer the credentials alone are
 * read, so that it decides neither region nor host. Fetched five minutes before they expire, or at half of a shorter
 * life, by the call that is then made; calls at the same time share one fetch; when it fails, the old ones are given as
 * long as they are valid. `forceRefresh` fetches at once. They are in memory only, and in no error.
 *
 * Throws UsageError ERR_USAGE, OperationError ERR_VSOCK_ADDRESS; the provider rejects with OperationError
 * ERR_CREDENTIALS, and ERR_VSOCK_UNAVAILABLE where the kernel has no vsock.
 */
export function fromParent(options: FromParentOptions = {}): MemoizedProvider {
  const { cid = PARENT_CID, port = CREDENTIALS_PORT, timeout = 5_000, transport, now } = options
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > MAX_TIMER) {
    throw new UsageError('ERR_USAGE', 'timeout: not a positive integer')
  }
  const address = checkAddress({ cid, port })
  const giver = `the parent's credentials listener (${formatAddress(address)})`
  const credentials = refreshingCredentials({
    giver,
    timeout,
    now,
    fetch: async (signal) => read(await ask({ ...address, transport, timeout, signal }, giver), giver),
  })
  return memoized(async (asked) => ({
    ...(await credentials.get({ forceRefresh: asked?.forceRefresh === true })),
  }))
}

function read({ status, text }: Answer, giver: string): Credentials {
  if (status === 503) throw failed(giver, `: ${reasonIn(text)}`)
  if (status !== 200)
    throw failed(giver, `: HTTP status ${status}; is that port the parent's for credentials?`)
  const credentials = readCredentials(text, giver)
  // The SDK would keep them for ever.
  if (credentials.expiration === undefined) throw failed(giver, ': Expiration is missing')
  return credentials
}

function failed(giver: string, words: string): OperationError {
  return new OperationError('ERR_CREDENTIALS', `${giver} gave no credentials${words}`)
}

const refusal = z.object({ message: z.string() })

/** Why the parent has none, as far as it can be shown. */
function reasonIn(text: string): string {
  try {
    const { message } = refusal.parse(JSON.parse(text))
    return withoutControls(message.slice(0, MAX_REASON))
  } catch {
    return 'it says that it has none'
  }
}

/** Asks on a connection of its own; `signal` ends it. */
function ask(options: ConnectOptions & { readonly signal: AbortSignal }, giver: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(
        error instanceof OperationError && error.code === 'ERR_CREDENTIALS'
          ? error
          : unreachable(giver, error),
      )
    const socket = connect(options)
    // One that fails at once tells it before the request listens.
    socket.on('error', fail)
    const request = http.get({
      headers: { Host: 'parent', Accept: 'application/json' },
      createConnection: () => socket,
    })
    options.signal.addEventListener('abort', () => request.destroy())
    request.on('error', fail)
    // Neither an error nor a response: a switch to another protocol.
    const onClose = () => fail(new Error('no answer'))
    request.on('close', onClose)
    request.on('response', (response) => {
      request.off('close', onClose)
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length > MAX_ANSWER_LENGTH)
          response.destroy(failed(giver, `: more than ${MAX_ANSWER_LENGTH} bytes`))
      })
      response.on('error', fail)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
  })
}

/** Without the `cause`: one of what is no HTTP shows the bytes that were read. */
function unreachable(giver: string, { code, message }: NodeJS.ErrnoException): OperationError {
  const words = `${giver} cannot be asked (${code ?? message})`
  return new OperationError('ERR_CREDENTIALS', `${words}: does the parent's proxy serve credentials there?`)
}
