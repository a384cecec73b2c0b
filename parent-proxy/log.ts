/** The proxy's log: JSON lines by pino, one a connection. No byte of a connection and no credential is ever in it. */
import pino, { type Logger } from 'pino'
import type { ConnectionSummary } from './connection.js'
import type { LogDestination } from './log-destination.js'
import type { Observation, ProxyEvent } from './observer.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export const createLogger = (level: LogLevel, destination: LogDestination): Logger =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )

/** An error's cause, without a stack. */
export const errorFields = (error: Error): { error: string; code?: string } => {
  const { code } = error as NodeJS.ErrnoException
  return { error: error.message, ...(code !== undefined && { code }) }
}

const TROUBLE: ReadonlySet<ConnectionSummary['reason']> = new Set([
  'connect-failed',
  'cid-refused',
  'queue-full',
  'queue-timeout',
])

/** Milliseconds to a thousandth. */
const rounded = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

const logConnection = (logger: Logger, { duration, error, ...summary }: ConnectionSummary): void => {
  const fields = { ...summary, duration: rounded(duration), ...(error && errorFields(error)) }
  if (TROUBLE.has(summary.reason)) logger.warn(fields, 'connection')
  else logger.info(fields, 'connection')
}

const logEvent = (logger: Logger, event: ProxyEvent): void => {
  switch (event.type) {
    case 'listening':
      logger.info({ listener: event.listener, to: event.to }, 'listening')
      break
    case 'stopped':
      logger.info({ listener: event.listener }, 'stopped listening')
      break
    case 'accept-failed':
      logger.error({ listener: event.listener, ...errorFields(event.error) }, 'accept failed')
      break
    case 'dns-failed': {
      const next = event.stale
        ? 'the last good answer serves'
        : 'its connections fail until it can be resolved'
      logger.warn({ host: event.host, ...errorFields(event.error) }, `name not resolved: ${next}`)
      break
    }
    case 'credentials-refreshed': {
      const { listener, source, expiration } = event
      logger.info({ listener, source, expiration }, 'credentials refreshed')
      break
    }
    case 'credentials-failed': {
      const { listener, source, expiration, error } = event
      const next = expiration === undefined ? 'none are served' : 'those before are served until they expire'
      logger.warn(
        { listener, source, expiration, ...errorFields(error) },
        `credentials not refreshed: ${next}`,
      )
    }
  }
}

export const logObserver = (logger: Logger): Observation => ({
  onConnection: (summary) => logConnection(logger, summary),
  onEvent: (event) => logEvent(logger, event),
})
