/** The enclave's control port: the parent asks, one line of JSON at a time; see shared/messages.ts. */
import type net from 'node:net'
import type { AwsCredentialIdentity } from '@smithy/types'
import { type ErrorReport, reportOf } from '../shared/error-report.js'
import { FormatError, NitroEnclaveError, OperationError } from '../shared/errors.js'
import {
  MAX_MESSAGE_LENGTH,
  parseRequest,
  type Request,
  type Response,
  type Status,
} from '../shared/messages.js'

export interface Service {
  generateRandom(request: { readonly numberOfBytes: number }): Promise<Uint8Array>
  status(): Promise<Status>
  /** Absent where the image brings credentials of its own. */
  readonly setCredentials?: ((credentials: AwsCredentialIdentity) => void) | undefined
}

/** A parent that asks more often at once is told to wait by its own kernel. */
const MAX_CONNECTIONS = 16
/** Milliseconds. */
const IDLE_TIMEOUT = 60_000

/** Answers on every connection of `server`, in the order of the requests. */
export function serve(server: net.Server, service: Service): void {
  server.maxConnections = MAX_CONNECTIONS
  server.on('connection', (socket) => void converse(socket, service))
}

async function converse(socket: net.Socket, service: Service): Promise<void> {
  // Its end is the loop's, too.
  socket.on('error', () => undefined)
  socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy())
  try {
    for await (const line of lines(socket)) {
      // Not read on before this is answered: a parent that only sends is held back.
      if (!socket.write(`${JSON.stringify(await answer(line, service))}\n`)) await drained(socket)
    }
    socket.end()
  } catch (error) {
    if (error instanceof FormatError) socket.end(`${JSON.stringify(refusal(error))}\n`)
    // What is left of an endless line is never read.
    socket.destroySoon()
  }
}

async function answer(line: string, service: Service): Promise<Response> {
  try {
    return await perform(parseRequest(line), service)
  } catch (error) {
    return refusal(error)
  }
}

async function perform(request: Request, service: Service): Promise<Response> {
  switch (request.type) {
    case 'setCredentials': {
      if (service.setCredentials === undefined)
        throw new OperationError('ERR_CREDENTIALS', 'this image has credentials of its own')
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = request
      service.setCredentials({
        accessKeyId,
        secretAccessKey,
        ...(sessionToken !== undefined && { sessionToken }),
        ...(expiration !== undefined && { expiration: new Date(expiration) }),
      })
      return { ok: true }
    }
    case 'generateRandom': {
      const random = await service.generateRandom(request)
      const { length } = random
      // A real application would make its keys from them: they never leave.
      random.fill(0)
      return { ok: true, numberOfBytes: length }
    }
    case 'status':
      return { ok: true, status: await service.status() }
  }
}

/** KMS's own errors and ours, word for word; of anything else the name alone. */
function refusal(error: unknown): Response {
  const report = reportOf(error)
  const known = error instanceof NitroEnclaveError || report.status !== undefined
  const shown: ErrorReport = known ? report : { name: report.name, message: 'an error of the enclave itself' }
  return { ok: false, error: shown }
}

const NEWLINE = 0x0a

function checkLength(length: number): void {
  if (length > MAX_MESSAGE_LENGTH)
    throw new FormatError('ERR_MESSAGE', `a message has ${MAX_MESSAGE_LENGTH} bytes at most`)
}

/** @throws FormatError ERR_MESSAGE for a line that is too long */
async function* lines(socket: net.Socket): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  // Not destroyed with the loop: what was wrong is still to be said.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      checkLength(end)
      yield rest.subarray(0, end).toString('utf8')
      rest = rest.subarray(end + 1)
    }
    checkLength(rest.length)
  }
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}
