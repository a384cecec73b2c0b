/** TLS that ends in the enclave, over connections that somebody else carries. */
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { OperationError } from '../../shared/errors.js'

/**
 * A new connection towards KMS, e.g. over vsock; it may still be connecting. `signal` is aborted when nobody waits for
 * it any more: the call was aborted, or TLS did not begin in time. The socket is destroyed then in any case.
 */
export type Dial = (options: { readonly signal?: AbortSignal }) => Socket

export interface EnclaveAgentOptions {
  /** The only name that a certificate is accepted for. */
  readonly host: string
  readonly dial: Dial
  /** PEM. The only roots that count. */
  readonly trustAnchors: readonly string[]
  /** Milliseconds for dial and TLS handshake together, 5,000 by default. */
  readonly connectTimeout?: number | undefined
  /** 50 by default. */
  readonly maxSockets?: number | undefined
}

/** What was going on when a connection failed that was never used. */
export type Phase = 'dial' | 'handshake'

const phases = new WeakMap<object, Phase>()

/** Of an error that an agent gave; `undefined` once TLS had begun. */
export function phaseOf(error: object): Phase | undefined {
  return phases.get(error)
}

/** TLS 1.3, and of TLS 1.2 what has forward secrecy and AEAD: NODE_OPTIONS=--tls-cipher-list has no say. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':')

/**
 * An agent with one destination: `dial` picks the way, `host` and `trustAnchors` decide who may be at its
 * end. Neither the options of a request nor the environment weaken that. Errors of the dialled socket
 * become the request's; a late connection is OperationError ETIMEDOUT.
 */
export class EnclaveAgent extends https.Agent {
  readonly #host: string
  readonly #dial: Dial
  readonly #connectTimeout: number
  readonly #secureContext: SecureContext
  /** What connectAhead() made, until a request takes it or it ends. */
  #ahead: TLSSocket | undefined

  constructor({ host, dial, trustAnchors, connectTimeout = 5_000, maxSockets = 50 }: EnclaveAgentOptions) {
    super({ keepAlive: true, maxSockets })
    this.#host = host
    this.#dial = dial
    this.#connectTimeout = connectTimeout
    this.#secureContext = createSecureContext({
      ca: [...trustAnchors],
      ciphers: CIPHERS,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    })
  }

  /**
   * Opens the connection of the first request now, before there is one. When that fails, nobody hears of it: the
   * request opens its own.
   */
  connectAhead(): void {
    const secure = this.createConnection({}, () => undefined) as TLSSocket | undefined
    if (secure === undefined) return
    const forget = () => {
      if (this.#ahead === secure) this.#ahead = undefined
    }
    // As of a kept connection that nobody uses: no reason for the process to go on.
    secure.on('error', forget).once('close', forget).unref()
    this.#ahead = secure
  }

  override destroy(): void {
    this.#ahead?.destroy()
    super.destroy()
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | undefined {
    const ahead = this.#ahead
    if (ahead !== undefined) {
      this.#ahead = undefined
      return ahead.ref()
    }
    const givenUp = new AbortController()
    let carrier: Socket
    try {
      carrier = this.#dial({ signal: givenUp.signal })
      if (carrier.destroyed) throw failureOf(carrier)
    } catch (thrown) {
      // Node would take null for success.
      const error = thrown instanceof Error ? thrown : new Error('dial threw no error', { cause: thrown })
      phases.set(error, 'dial')
      // Node looks at the error alone then; the type wants a stream all the same.
      process.nextTick(() => callback?.(error, undefined as unknown as Duplex))
      return undefined
    }
    let connected = !carrier.connecting
    carrier.once('connect', () => {
      connected = true
    })
    const secure = super.createConnection({
      // Node's key to its cache of TLS sessions. Nothing else that a request says is taken over.
      ...pick(options, '_agentKey'),
      socket: carrier,
      host: this.#host,
      servername: this.#host,
      secureContext: this.#secureContext,
      rejectUnauthorized: true,
      checkServerIdentity,
      keepAlive: true,
    } as https.RequestOptions) as TLSSocket
    const onError = (error: Error) => phases.set(error, connected ? 'handshake' : 'dial')
    secure.once('error', onError)
    secure.once('secureConnect', () => secure.off('error', onError))
    this.#limit(secure, givenUp)
    return secure
  }

  /**
   * A deadline until the handshake is done. Node itself ends the carrier with the TLS socket, and vice versa; an
   * aborted request destroys its TLS socket.
   */
  #limit(secure: TLSSocket, givenUp: AbortController): void {
    const late = () => secure.destroy(new OperationError('ETIMEDOUT', `no TLS connection to ${this.#host}`))
    const timer = setTimeout(late, this.#connectTimeout)
    const onClose = () => {
      clearTimeout(timer)
      givenUp.abort()
    }
    secure.once('close', onClose)
    secure.once('secureConnect', () => {
      clearTimeout(timer)
      secure.off('close', onClose)
    })
  }
}

/** Of a socket that failed before TLS could listen: its error, which nobody else hears then. */
function failureOf(carrier: Socket): Error {
  carrier.on('error', () => undefined)
  return carrier.errored ?? Object.assign(new Error('dialled a closed socket'), { code: 'ECONNRESET' })
}

function pick(options: object, key: string): object {
  return { [key]: (options as Record<string, unknown>)[key] }
}
