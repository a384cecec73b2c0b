/** HTTP/1.1 (RFC 9112) over accepted sockets: one request, one answer, and the connection ends. */
import http from 'node:http'
import type net from 'node:net'
import { type Credentials, writeCredentials } from '../../shared/credentials/container-shape.js'
import { NitroEnclaveError } from '../../shared/errors.js'

/** Bytes of a request's head at most. */
const MAX_HEAD = 8 * 1024
/** Milliseconds until a request's head is complete. */
const HEAD_TIMEOUT = 5_000
/** Milliseconds from there to the end of the connection; a fetch takes less. */
const ANSWER_TIMEOUT = 30_000
/** Milliseconds that credentials without an expiration are said to be good: who holds them asks again. */
const NO_EXPIRATION = 900_000

/** Requests behind the first that may wait in vain; who sends more is cut. */
const MAX_PIPELINED = 16

const PATHS = ['/', '/credentials']

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers?: http.OutgoingHttpHeaders
}

interface Connection {
  /** Those that are answered. */
  requests: number
  pipelined: number
  /** Its time for the head is over; now that for the answer runs. */
  begin(): void
}

const refusal = (status: number, code: string, message: string, headers = {}): Answer => ({
  status,
  headers,
  body: JSON.stringify({ code, message }),
})

const answerTo = async (
  { method, url = '' }: http.IncomingMessage,
  get: () => Promise<Credentials>,
  now: () => number,
): Promise<Answer> => {
  const [path = ''] = url.split('?', 1)
  if (!PATHS.includes(path)) return refusal(404, 'ERR_USAGE', 'the credentials are at / and /credentials')
  if (method !== 'GET') {
    return refusal(405, 'ERR_USAGE', 'the credentials can be asked for by GET only', { Allow: 'GET' })
  }
  try {
    const credentials = await get()
    const { expiration = new Date(now() + NO_EXPIRATION) } = credentials
    return { status: 200, body: writeCredentials({ ...credentials, expiration }) }
  } catch (error) {
    const known = error instanceof NitroEnclaveError
    return known
      ? refusal(503, error.code, error.message)
      : refusal(503, 'ERR_CREDENTIALS', 'the parent has no credentials')
  }
}

/** What answers on one accepted socket, paused or not, until it is gone: at most 35 s. Never rejects. */
export type Answering = (socket: net.Socket, signal: AbortSignal) => Promise<{ readonly requests: number }>

export const answering = (get: () => Promise<Credentials>, now: () => number): Answering => {
  const connections = new WeakMap<net.Socket, Connection>()

  const respond = async (
    { socket }: http.IncomingMessage,
    response: http.ServerResponse,
    answer: () => Promise<Answer>,
  ) => {
    const connection = connections.get(socket)
    if (connection === undefined) return void socket.destroy()
    // Pipelined behind the first: the answer to that ends the connection.
    if (connection.requests > 0) {
      if (++connection.pipelined > MAX_PIPELINED) socket.destroy()
      return
    }
    connection.requests = 1
    connection.begin()
    const { status, headers, body } = await answer()
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      Connection: 'close',
      ...headers,
    })
    response.end(body)
  }

  // It never listens: so its own time limits never run, and it holds nothing open. What is no HTTP it answers by 400,
  // what is too long by 431.
  const server = http.createServer({ maxHeaderSize: MAX_HEAD }, (request, response) =>
    respond(request, response, () => answerTo(request, get, now)),
  )
  // Node's own answer would leave the connection open.
  server.on('checkExpectation', (request: http.IncomingMessage, response: http.ServerResponse) =>
    respond(request, response, async () =>
      refusal(417, 'ERR_USAGE', 'of expectations, only 100-continue can be met'),
    ),
  )

  // Node has had it since its beginning, and does not document it: who has ended his own side is answered, too.
  Object.assign(server, { httpAllowHalfOpen: true })

  return (socket, signal) =>
    new Promise((resolve) => {
      const cut = () => void socket.destroy()
      let timer = setTimeout(cut, HEAD_TIMEOUT)
      const connection: Connection = {
        requests: 0,
        pipelined: 0,
        begin: () => {
          clearTimeout(timer)
          timer = setTimeout(cut, ANSWER_TIMEOUT)
        },
      }
      connections.set(socket, connection)
      const onClose = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', cut)
        resolve({ requests: connection.requests })
      }
      // Its 'close' says enough.
      socket.on('error', () => {})
      if (socket.closed) return onClose()
      socket.once('close', onClose)
      signal.addEventListener('abort', cut, { once: true })
      if (signal.aborted) return cut()
      server.emit('connection', socket)
      socket.resume()
    })
}
