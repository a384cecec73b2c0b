/** What a proxy tells of itself while it runs: to a log, to metrics, to a test. */
import type { ConnectionSummary } from './connection.js'
import type { CredentialsEvent } from './credentials/server.js'

export type ProxyEvent =
  | { readonly type: 'listening' | 'stopped'; readonly listener: string; readonly to?: string }
  /** The listener goes on. */
  | { readonly type: 'accept-failed'; readonly listener: string; readonly error: Error }
  /** stale: the last good answer serves. */
  | { readonly type: 'dns-failed'; readonly host: string; readonly error: Error; readonly stale: boolean }
  | (CredentialsEvent & { readonly listener: string })

export interface ProxyObserver {
  /** A connection is gone. */
  readonly onConnection?: ((summary: ConnectionSummary) => void) | undefined
  readonly onEvent?: ((event: ProxyEvent) => void) | undefined
}

export interface Observation {
  readonly onConnection: (summary: ConnectionSummary) => void
  readonly onEvent: (event: ProxyEvent) => void
}

/** Calls `observer`, whose failure is a warning of the process, never the end of a connection. */
export const guarded = ({ onConnection, onEvent }: ProxyObserver): Observation => {
  const guard =
    <T>(call: ((value: T) => void) | undefined) =>
    (value: T) => {
      try {
        call?.(value)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
  return { onConnection: guard(onConnection), onEvent: guard(onEvent) }
}

/** Tells all of them. */
export const observers = (...all: readonly Observation[]): Observation => ({
  onConnection: (summary) => {
    for (const { onConnection } of all) onConnection(summary)
  },
  onEvent: (event) => {
    for (const { onEvent } of all) onEvent(event)
  },
})
