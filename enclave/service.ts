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
import { identityOf } from './kms/credentials.js'

export interface Service {
  /** `signal` ends the call: nobody waits for it any more. */
  generateRandom(request: {
    readonly numberOfBytes: number
    readonly signal: AbortSignal
  }): Promise<Uint8Array>
  status(): Promise<Status>
  /** Absent where the image says where credentials come from. Throws for credentials that are of no use. */
  readonly setCredentials?: ((credentials: AwsCredentialIdentity) => void) | undefined
}

/** Conversations at once; one more ends the one that has been idle longest, or is not begun. */
const MAX_CONVERSATIONS = 16
/** Milliseconds. */
const IDLE_TIMEOUT = 60_000

/** Answers on every connection of `server`, in the order of the requests. */
export function serve(server: net.Server, service: Service): void {
  // In the order in which they were last heard.
  const open = new Set<Conversation>()
  server.on('connection', (socket) => {
    // Its end is the loop's, too.
    socket.on('error', () => undefined)
    if (open.size >= MAX_CONVERSATIONS) {
      const [idle] = [...open].filter(({ busy }) => !busy)
      if (idle === undefined) {
        socket.destroy()
        return
      }
      idle.socket.destroy()
      open.delete(idle)
    }
    const conversation = new Conversation(socket, service)
    open.add(conversation)
    // Not with the socket: whoever hangs up has a place again when what he asked for has ended.
    void conversation
      .hold(() => {
        if (open.delete(conversation)) open.add(conversation)
      })
      .finally(() => open.delete(conversation))
  })
}

class Conversation {
  readonly socket: net.Socket
  /** An answer is being made. */
  busy = false
  readonly #service: Service
  readonly #hungUp = new AbortController()

  constructor(socket: net.Socket, service: Service) {
    this.socket = socket
    this.#service = service
    socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy())
    socket.once('close', () => this.#hungUp.abort())
  }

  /** Never rejects. */
  async hold(onRequest: () => void): Promise<void> {
    const { socket } = this
    try {
      for await (const line of lines(socket)) {
        onRequest()
        this.busy = true
        const answer = await this.#answer(line)
        this.busy = false
        // Not read on before this is taken: a parent that only sends is held back.
        if (!socket.write(`${JSON.stringify(answer)}\n`)) await drained(socket)
      }
      socket.end()
    } catch (error) {
      if (error instanceof FormatError) socket.end(`${JSON.stringify(refusal(error))}\n`)
      // What is left of an endless line is never read.
      socket.destroySoon()
    }
  }

  async #answer(line: string): Promise<Response> {
    try {
      return await perform(parseRequest(line), this.#service, this.#hungUp.signal)
    } catch (error) {
      return refusal(error)
    }
  }
}

async function perform(request: Request, service: Service, signal: AbortSignal): Promise<Response> {
  switch (request.type) {
    case 'setCredentials': {
      if (service.setCredentials === undefined)
        throw new OperationError(
          'ERR_CREDENTIALS',
          'this image gets its credentials elsewhere: none can be pushed',
        )
      service.setCredentials(identityOf(request))
      return { ok: true }
    }
    case 'generateRandom': {
      const { numberOfBytes } = request
      const random = await service.generateRandom({ numberOfBytes, signal })
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

/** The last one need not end. @throws FormatError ERR_MESSAGE for a line that is too long */
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
  if (rest.length > 0) yield rest.toString('utf8')
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}
