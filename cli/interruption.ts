/** Signals that end a command early, but not before it has cleaned up. */
import { constants } from 'node:os'

export interface Interruption {
  readonly signal: AbortSignal
  /** Whether one came. */
  readonly happened: boolean
  /** Gives the signals back. When one came it ends the process, as a shell expects: work may still be under way. */
  end(): void
}

export function onSignals(): Interruption {
  const controller = new AbortController()
  let code: number | undefined
  const interrupt = (signal: NodeJS.Signals): void => {
    code = 128 + constants.signals[signal]
    controller.abort()
  }
  const names = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const
  for (const name of names) process.on(name, interrupt)
  return {
    signal: controller.signal,
    get happened() {
      return code !== undefined
    },
    end: () => {
      for (const name of names) process.off(name, interrupt)
      if (code !== undefined) process.exit(code)
    },
  }
}
