/** Ends a child process that has spent too long on one input. */
import { readFileSync } from 'node:fs'
import type { CurrentInputReader } from './current-input.js'

/** Milliseconds between two looks. */
const EVERY = 50
/** By the clock an input has so many times its share of CPU: other processes want the machine, too. */
const PATIENCE = 5
/** Of /proc/PID/stat; sysconf(_SC_CLK_TCK) on every Linux that runs Node. */
const TICK = 10

export interface Watched {
  readonly pid: number
  /** Milliseconds of CPU that one input may take. */
  readonly limit: number
  readonly current: CurrentInputReader
}

/** Calls `onHang` once, at most; gives what stops the watch. */
export function watch({ pid, limit, current }: Watched, onHang: () => void): () => void {
  let number: number | undefined
  let since = { cpu: 0, clock: 0 }
  const timer = setInterval(() => {
    const now = current.number()
    const spent = { cpu: cpuOf(pid), clock: performance.now() }
    if (now === undefined || now !== number) {
      number = now
      since = spent
      return
    }
    const hangs = spent.cpu - since.cpu > limit || spent.clock - since.clock > PATIENCE * limit
    if (!hangs) return
    clearInterval(timer)
    onHang()
  }, EVERY)
  return () => clearInterval(timer)
}

/** Milliseconds, of all its threads; 0 when it is gone. */
function cpuOf(pid: number): number {
  try {
    // Behind the program's name, which may hold anything but ends with the last bracket (proc_pid_stat(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    const [user = 0, system = 0] = fields.slice(11, 13).map(Number)
    return (user + system) * TICK
  } catch {
    return 0
  }
}
