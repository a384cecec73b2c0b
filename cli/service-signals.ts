/** Signals for a service, heard from before it stands: a signal that nobody hears would end the process at once. */
interface Service {
  /** SIGTERM, SIGINT. */
  readonly end: (why: NodeJS.Signals) => void
  /** SIGHUP; without, that signal ends the process, as it always does. */
  readonly reload?: () => void
}

/**
 * Returns what takes the service, once it stands; signals that came before are told to it then. The second SIGTERM or
 * SIGINT before ends the process, as if nobody heard it.
 */
export function hearSignals(names: readonly NodeJS.Signals[]): (service: Service) => void {
  const early: NodeJS.Signals[] = []
  let tell = (name: NodeJS.Signals): void => {
    // Asked twice: what it still waits for, such as the writer of a FIFO, may never come. Not by process.exit, which
    // would wait for that, too.
    if (name !== 'SIGHUP' && early.some((one) => one !== 'SIGHUP')) {
      process.removeAllListeners(name)
      process.kill(process.pid, name)
    }
    early.push(name)
  }
  for (const name of names) process.on(name, () => tell(name))
  return ({ end, reload }) => {
    tell = (name) => (name === 'SIGHUP' ? reload?.() : end(name))
    for (const name of early) tell(name)
  }
}
