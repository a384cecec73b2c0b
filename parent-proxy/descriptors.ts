/** How many file descriptors this process may open: sockets beyond them would be dropped in silence. */
import { readFileSync } from 'node:fs'

/** For everything that is no connection: listeners, DNS, logs, Node itself. */
const RESERVED = 64

/** Descriptors for connections, at least two; Infinity where the limit cannot be read. See proc(5), /proc/pid/limits. */
export const connectionDescriptors = (): number => {
  let limits: string
  try {
    limits = readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return Number.POSITIVE_INFINITY
  }
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Math.max(2, Number(soft) - RESERVED)
}
