/** How KMS answers a request: AWS JSON 1.1, signed requests only. Bodies, credentials and secrets are never logged. */
import { randomUUID } from 'node:crypto'
import { kmsHost } from '../../enclave/kms/endpoint.js'
import type { KmsAccount } from './account.js'
import { API_OPERATIONS } from './api-operations.js'
import { authenticate } from './authentication.js'
import { type CallRecord, keyOf } from './call-record.js'
import { errorBody, KmsError, kmsInternal, serialization, unknownOperation } from './errors.js'
import { hostName } from './host-name.js'
import type { KeyStores } from './key-stores.js'
import { type Misbehaviour, OPERATIONS, type Operation, type VerifyDocument } from './operations.js'
import type { Principal } from './policy/principal.js'

/** Bytes. The longest request that KMS takes has an attestation document of 262,144, in base64. */
export const MAX_BODY = 512 * 1024
const CONTENT_TYPE = 'application/x-amz-json-1.1'
const SERVICE = 'TrentService.'

export interface KmsOptions {
  readonly region: string
  readonly account: KmsAccount
  /** Who may call, read at each call. */
  readonly principals: readonly Principal[]
  readonly verify: VerifyDocument
  readonly keyStores?: KeyStores | undefined
  /** Host names and IP addresses served, on any port; default the endpoint of `region`. */
  readonly hostNames?: readonly string[] | undefined
  readonly now?: (() => Date) | undefined
  /** Asked once a call, after authentication: an error to answer, or a misbehaviour. */
  readonly faults?: ((operation: string) => KmsError | Misbehaviour | undefined) | undefined
  /** Told which registers a refused enclave would have to have. */
  readonly onDenial?: ((hint: string) => void) | undefined
  /** Told of each call when its answer is ready. */
  readonly onCall?: ((call: CallRecord) => void) | undefined
  /** Told the cause of a KMSInternalException that no fault asked for. */
  readonly onError?: ((cause: unknown) => void) | undefined
}

export interface KmsRequest {
  readonly method: string
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface KmsResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What becomes known of a call on its way. */
interface Known {
  readonly requestId: string
  readonly hints: string[]
  operation?: string
  principal?: string
  input?: object
}

/** Answers one request. Never throws: every failure is a response. */
export async function handle(request: KmsRequest, options: KmsOptions): Promise<KmsResponse> {
  const known: Known = { requestId: randomUUID(), hints: [] }
  try {
    const output = await perform(request, options, known)
    return response(known, options, { output })
  } catch (error) {
    if (!(error instanceof KmsError)) options.onError?.(error)
    return response(known, options, { error: error instanceof KmsError ? error : kmsInternal() })
  }
}

/** The answer to a request that is not looked at any further. */
export function refuse(error: KmsError, options: KmsOptions): KmsResponse {
  return response({ requestId: randomUUID(), hints: [] }, options, { error })
}

async function perform(request: KmsRequest, options: KmsOptions, known: Known): Promise<object> {
  const { region, account, principals, verify } = options
  const refused = refuseHead(request, options)
  if (refused !== undefined) throw refused
  const [name, operation] = requestedOperation(request.headers['x-amz-target'])
  known.operation = name
  const signed = { ...request, path: request.url }
  const principal = await authenticate(signed, { region, principals, now: clock(options) })
  known.principal = principal.arn
  const fault = options.faults?.(name)
  if (fault instanceof KmsError) throw fault
  known.input = parseBody(request.body)
  return operation(known.input, {
    account,
    principal,
    verify,
    keyStores: options.keyStores ?? new Map(),
    ...(fault !== undefined && { misbehaviour: fault }),
    onDenial: (hint) => {
      known.hints.push(hint)
      options.onDenial?.(hint)
    },
    now: () => clock(options),
  })
}

/** What can be refused before the body is read. The texts are invented: AWS does not publish them. */
export function refuseHead(
  { method, url, headers }: Omit<KmsRequest, 'body'>,
  options: KmsOptions,
): KmsError | undefined {
  const hostNames = options.hostNames ?? [kmsHost(options.region)]
  if (!hostNames.includes(hostName(headers.host) ?? '')) {
    return new KmsError('MisdirectedRequestException', 'The host is not served here', 421)
  }
  if (url !== '/') return new KmsError('NotFoundException', 'There is nothing but /', 404)
  if (method !== 'POST') return new KmsError('MethodNotAllowedException', 'Only POST is allowed', 405)
  if (headers['content-type'] !== CONTENT_TYPE) return unknownOperation()
  return Number(headers['content-length'] ?? 0) > MAX_BODY ? tooLarge() : undefined
}

export function tooLarge(): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('RequestEntityTooLargeException', `The body exceeds ${MAX_BODY} bytes`, 413)
}

function requestedOperation(target: string | undefined): [string, Operation] {
  const name = target?.startsWith(SERVICE) ? target.slice(SERVICE.length) : ''
  const operation = OPERATIONS.get(name)
  if (operation !== undefined) return [name, operation]
  if (!API_OPERATIONS.has(name)) throw unknownOperation()
  // invented: KMS itself has it
  throw new KmsError('UnknownOperationException', `The simulated KMS does not have the operation ${name}`)
}

function parseBody(body: Uint8Array): object {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    value = undefined
  }
  // invented: AWS does not publish this text
  if (typeof value !== 'object' || value === null) throw serialization('The body must be a JSON structure')
  return value
}

type Result = { readonly output: object } | { readonly error: KmsError }

function response(known: Known, options: KmsOptions, result: Result): KmsResponse {
  const { requestId, operation, principal, hints } = known
  const headers = {
    'Content-Type': CONTENT_TYPE,
    'x-amzn-RequestId': requestId,
    Date: clock(options).toUTCString(),
  }
  const [status, outcome, body] =
    'output' in result
      ? [200, 'OK', JSON.stringify(result.output)]
      : [result.error.status, result.error.name, errorBody(result.error)]
  const key = keyOf(known.input, 'output' in result ? result.output : undefined)
  options.onCall?.({ requestId, operation, key, principal, status, outcome, hints })
  return { status, headers, body }
}

function clock({ now }: KmsOptions): Date {
  return now?.() ?? new Date()
}
