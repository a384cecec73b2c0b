/** KMS's front door: HTTPS, or plain HTTP where that is asked for by name. `handle` decides, the sockets are Node's. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import { handle, type KmsOptions, MAX_BODY, refuse, refuseHead, tooLarge } from './handle.js'

export type { KmsOptions, KmsRequest, KmsResponse } from './handle.js'

/** Milliseconds. */
const TIMES = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  // Node looks for the late ones so often only.
  connectionsCheckingInterval: 5_000,
}
/** One more is reset. Times MAX_BODY it is what clients can make it hold. */
const MAX_CONNECTIONS = 1_024

export interface KmsServerOptions extends KmsOptions {
  /** PEM private key and certificate chain for the host names. */
  readonly key: string | Buffer
  readonly cert: string | Buffer
}

/** An HTTPS server, not yet listening. */
export function createKmsServer(options: KmsServerOptions): https.Server {
  const { key, cert } = options
  const handshakeTimeout = TIMES.headersTimeout
  return serving(
    https.createServer({ key, cert, minVersion: 'TLSv1.2', handshakeTimeout, ...TIMES }),
    options,
  )
}

/** The same without TLS. */
export function createPlainKmsServer(options: KmsOptions): http.Server {
  return serving(http.createServer(TIMES), options)
}

function serving<Server extends http.Server | https.Server>(server: Server, options: KmsOptions): Server {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, options, () => server.listening).catch((cause: unknown) => {
      response.destroy()
      // A client that went away in the middle of its body is no error.
      if (request.complete) options.onError?.(cause)
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: KmsOptions,
  goesOn: () => boolean,
): Promise<void> {
  const head = { method: request.method ?? '', url: request.url ?? '', headers: textHeaders(request) }
  const refused = refuseHead(head, options)
  const body = refused === undefined ? await readBody(request) : undefined
  if (body === undefined) request.resume() // a body that nobody wants is drained, not kept
  const answer =
    body === undefined ? refuse(refused ?? tooLarge(), options) : await handle({ ...head, body }, options)
  response.writeHead(answer.status, {
    ...answer.headers,
    'Content-Length': Buffer.byteLength(answer.body),
    ...(!goesOn() && { Connection: 'close' }),
  })
  response.end(answer.body)
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
