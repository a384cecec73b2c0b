/** Signals for a service, heard from before it stands: a signal that nobody hears would end the process at once. */
import { constants } from 'node:os'

interface Service {
  /** SIGTERM, SIGINT. */
  readonly end: (why: NodeJS.Signals) => void
  /** SIGHUP; without, that signal ends the process, as it always does. */
  readonly reload?: () => void
}

/**
 * Returns what takes the service, once it stands; signals that came before are told to it then. The second SIGTERM or
 * SIGINT before ends the process, with the exit code of a process that it killed.
 */
export function hearSignals(names: readonly NodeJS.Signals[]): (service: Service) => void {
  const early: NodeJS.Signals[] = []
  let tell = (name: NodeJS.Signals): void => {
    // Asked twice: what it still waits for, such as the writer of a FIFO, may never come.
    if (name !== 'SIGHUP' && early.some((one) => one !== 'SIGHUP'))
      process.exit(128 + constants.signals[name])
    early.push(name)
  }
  for (const name of names) process.on(name, () => tell(name))
  return ({ end, reload }) => {
    tell = (name) => (name === 'SIGHUP' ? reload?.() : end(name))
    for (const name of early) tell(name)
  }
}
