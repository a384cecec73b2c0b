/**
 * KMS's front door: AWS JSON 1.1 over TLS, signed requests only. `handle` decides, the sockets are Node's.
 * Bodies, credentials and secrets are never logged.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { kmsHost } from '../../enclave/kms/endpoint.js'
import { errorBody, KmsError, kmsInternal, serialization, unknownOperation } from './errors.js'
import type { KeyStores } from './key-stores.js'
import {
  generateRandom,
  type Misbehaviour,
  type OperationContext,
  type VerifyDocument,
} from './operations.js'
import type { IamPolicy } from './policy.js'
import { type Credentials, verifySignature } from './signature.js'

/** Bytes. */
const MAX_BODY = 1024 * 1024

/** Milliseconds. */
const HEADERS_TIMEOUT = 10_000
const REQUEST_TIMEOUT = 30_000
const KEEP_ALIVE_TIMEOUT = 60_000

const MAX_CONNECTIONS = 256
const CONTENT_TYPE = 'application/x-amz-json-1.1'
const SERVICE = 'TrentService.'

type Operation = (input: unknown, context: OperationContext) => Promise<object>
const OPERATIONS: ReadonlyMap<string, Operation> = new Map([['GenerateRandom', generateRandom]])

export interface KmsOptions {
  readonly region: string
  /** The only credentials that may call, and the ARN of the identity behind them. */
  readonly credentials: Credentials
  readonly callerArn: string
  /** The identity policy of `callerArn`. */
  readonly policy: IamPolicy
  readonly verify: VerifyDocument
  readonly keyStores?: KeyStores | undefined
  /** Host names served; default the endpoint of `region`. */
  readonly hostNames?: readonly string[] | undefined
  readonly now?: (() => Date) | undefined
  /** Asked once a call, after authentication: an error to answer, or a misbehaviour. */
  readonly faults?: ((operation: string) => KmsError | Misbehaviour | undefined) | undefined
  /** Told which registers a refused enclave would have to have. */
  readonly onDenial?: ((hint: string) => void) | undefined
  /** Told the cause of a KMSInternalException that no fault asked for. */
  readonly onError?: ((cause: unknown) => void) | undefined
}

export interface KmsServerOptions extends KmsOptions {
  /** PEM private key and certificate chain for the host names. */
  readonly key: string | Buffer
  readonly cert: string | Buffer
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

/** An HTTPS server, not yet listening. */
export function createKmsServer(options: KmsServerOptions): Server {
  const server = createServer(
    {
      key: options.key,
      cert: options.cert,
      minVersion: 'TLSv1.2',
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    },
    (request, response) => {
      serve(request, response, options).catch((cause: unknown) => {
        response.destroy()
        // A client that went away in the middle of its body is no error.
        if (request.complete) options.onError?.(cause)
      })
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  return server
}

async function serve(request: IncomingMessage, response: ServerResponse, options: KmsOptions): Promise<void> {
  const head = { method: request.method ?? '', url: request.url ?? '', headers: textHeaders(request) }
  const refused = refuseHead(head, options)
  const body = refused === undefined ? await readBody(request) : undefined
  if (body === undefined) request.resume() // a body that nobody wants is drained, not kept
  const answer =
    body === undefined ? failure(refused ?? tooLarge(), options) : await handle({ ...head, body }, options)
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) })
  response.end(answer.body)
}

/** Answers one request. Never throws: every failure is a response. */
export async function handle(request: KmsRequest, options: KmsOptions): Promise<KmsResponse> {
  try {
    const refused = refuseHead(request, options)
    if (refused !== undefined) throw refused
    const [name, operation] = requestedOperation(request.headers['x-amz-target'])
    const { region, credentials } = options
    const signed = { ...request, path: request.url }
    await verifySignature(signed, { region, credentials, now: clock(options) })
    const fault = options.faults?.(name)
    if (fault instanceof KmsError) throw fault
    const output = await operation(parseBody(request.body), {
      verify: options.verify,
      callerArn: options.callerArn,
      policy: options.policy,
      keyStores: options.keyStores ?? new Map(),
      misbehaviour: fault,
      onDenial: options.onDenial,
    })
    return response(200, JSON.stringify(output), options)
  } catch (error) {
    if (!(error instanceof KmsError)) options.onError?.(error)
    return failure(error instanceof KmsError ? error : kmsInternal(), options)
  }
}

/** What can be refused before the body is read. The texts are invented: AWS does not publish them. */
function refuseHead(
  { method, url, headers }: Omit<KmsRequest, 'body'>,
  options: KmsOptions,
): KmsError | undefined {
  const hostNames = options.hostNames ?? [kmsHost(options.region)]
  if (!hostNames.includes(headers.host?.toLowerCase() ?? '')) {
    return new KmsError('MisdirectedRequestException', 'The host is not served here', 421)
  }
  if (url !== '/') return new KmsError('NotFoundException', 'There is nothing but /', 404)
  if (method !== 'POST') return new KmsError('MethodNotAllowedException', 'Only POST is allowed', 405)
  if (headers['content-type'] !== CONTENT_TYPE) return unknownOperation()
  return Number(headers['content-length'] ?? 0) > MAX_BODY ? tooLarge() : undefined
}

function tooLarge(): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('RequestEntityTooLargeException', `The body exceeds ${MAX_BODY} bytes`, 413)
}

function requestedOperation(target: string | undefined): [string, Operation] {
  const name = target?.startsWith(SERVICE) ? target.slice(SERVICE.length) : ''
  const operation = OPERATIONS.get(name)
  if (operation === undefined) throw unknownOperation()
  return [name, operation]
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

/** The body, or undefined as soon as it exceeds its limit. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > MAX_BODY) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function textHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value ?? []].flat().join(',')]),
  )
}

function failure(error: KmsError, options: KmsOptions): KmsResponse {
  return response(error.status, errorBody(error), options)
}

function response(status: number, body: string, options: KmsOptions): KmsResponse {
  const headers = {
    'Content-Type': CONTENT_TYPE,
    'x-amzn-RequestId': randomUUID(),
    Date: clock(options).toUTCString(),
  }
  return { status, headers, body }
}

function clock({ now }: KmsOptions): Date {
  return now?.() ?? new Date()
}
