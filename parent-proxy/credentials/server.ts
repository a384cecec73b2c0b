/** Serves the parent's credentials to enclaves: from a source, by way of STS where asked for, over HTTP. */
import type net from 'node:net'
import type { Credentials } from '../../shared/credentials/container-shape.js'
import { refreshingCredentials } from '../../shared/credentials/refreshing.js'
import type { OperationError } from '../../shared/errors.js'
import { type CredentialsConfig, checkCredentialsConfig, type SourceName } from './config.js'
import { containerSource } from './container.js'
import { fileSource } from './file.js'
import { answering } from './http.js'
import { imdsSource } from './imds.js'
import { withSessionPolicy } from './session-policy.js'
import { type CredentialsSource, credentialsError } from './source.js'

/** Never with a value of the credentials. `expiration`: of those that are served now. */
export type CredentialsEvent =
  | { readonly type: 'credentials-refreshed'; readonly source: SourceName; readonly expiration?: Date }
  | {
      readonly type: 'credentials-failed'
      readonly source: SourceName
      readonly error: OperationError
      readonly expiration?: Date
    }

export interface CredentialsServerOptions {
  /** Told of credentials that are others than before, and of every fetch that failed. */
  readonly onEvent?: ((event: CredentialsEvent) => void) | undefined
  /** Of STS, instead of the region's. */
  readonly stsEndpoint?: string | undefined
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
}

export interface CredentialsServer {
  /** One accepted connection, paused or not, until it is gone; `signal` cuts it. Never rejects. */
  serve(socket: net.Socket, signal: AbortSignal): Promise<{ readonly requests: number }>
  /** Fetches nothing any more unless asked; open connections go on. */
  close(): void
}

/** Milliseconds for a source and STS together. */
const FETCH_TIMEOUT = 15_000

const sourceOf = (config: CredentialsConfig): CredentialsSource => {
  switch (config.source) {
    case 'imds':
      return imdsSource()
    case 'container':
      return containerSource()
    case 'file':
      return fileSource(config.path)
  }
}

/**
 * Begins to fetch at once. Answers GET / and GET /credentials with what the SDKs' container credentials provider reads:
 * AccessKeyId, SecretAccessKey, Token, Expiration; without valid credentials 503 and `{ code, message }`.
 * @throws UsageError ERR_PROXY_CONFIG
 */
export const createCredentialsServer = (
  config: CredentialsConfig,
  { onEvent, stsEndpoint, now = Date.now }: CredentialsServerOptions = {},
): CredentialsServer => {
  const { source: name, sessionPolicy } = checkCredentialsConfig(config)
  const own = sourceOf(config)
  const source = sessionPolicy === undefined ? own : withSessionPolicy(own, sessionPolicy, stsEndpoint)

  const tell = (event: CredentialsEvent) => {
    try {
      onEvent?.(event)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }
  let last: Credentials | undefined
  const credentials = refreshingCredentials({
    ...source,
    timeout: FETCH_TIMEOUT,
    ahead: true,
    now,
    onRefreshed: (fresh) => {
      const { accessKeyId, expiration } = fresh
      const same = last?.accessKeyId === accessKeyId && last.expiration?.getTime() === expiration?.getTime()
      last = fresh
      if (!same) tell({ type: 'credentials-refreshed', source: name, ...(expiration && { expiration }) })
    },
    onFailed: (failure, kept) => {
      const error = credentialsError(source.giver, failure)
      const expiration = kept?.expiration
      tell({ type: 'credentials-failed', source: name, error, ...(expiration && { expiration }) })
    },
  })
  return { serve: answering(credentials.get, now), close: credentials.close }
}
