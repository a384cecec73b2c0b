/** The load generator, load.c, as a process: a command, an answer. */
import { createInterface } from 'node:readline'
import { end, start } from '../../../debian/cleanup.js'

/** Microseconds, but for the whole: seconds. */
export interface Latency {
  readonly seconds: number
  readonly p50: number
  readonly p99: number
}

export interface Load {
  /** Through the relay at `port`, in addition to those that are open. */
  open(port: number, connections: number): Promise<void>
  /** Seconds for `bytes` each way over all open connections together. */
  bulk(direction: 'up' | 'down' | 'both', bytes: number): Promise<number>
  /** Requests of 1 KiB with answers of 1 KiB, `underWay` at a time; beside: while one connection carries bytes down. */
  echo(requests: number, underWay: number, beside?: 'beside'): Promise<Latency>
  /** Seconds for as many connections, 32 at a time, a request on each. */
  connect(port: number, connections: number): Promise<number>
  /** Ends all connections. */
  close(): Promise<void>
  stop(): Promise<void>
}

const MESSAGE_SIZE = 1024
const CONNECTING = 32

export const startLoad = (program: string, originPort: number): Load => {
  const child = start(program, [String(originPort)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('no pipes to the load')
  const answers = createInterface({ input: stdout })[Symbol.asyncIterator]()
  stdin.on('error', () => {})

  const ask = async (command: string): Promise<readonly number[]> => {
    stdin.write(`${command}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error(`the load ended at: ${command}`)
    return String(value).split(' ').map(Number)
  }
  return {
    open: async (port, connections) => void (await ask(`open ${port} ${connections}`)),
    bulk: async (direction, bytes) => {
      const [seconds = Number.NaN] = await ask(`bulk ${direction} ${bytes}`)
      return seconds
    },
    echo: async (requests, underWay, beside) => {
      const [seconds = Number.NaN, p50 = Number.NaN, p99 = Number.NaN] = await ask(
        `${beside ?? 'echo'} ${requests} ${underWay} ${MESSAGE_SIZE}`,
      )
      return { seconds, p50, p99 }
    },
    connect: async (port, connections) => {
      const [seconds = Number.NaN] = await ask(`connect ${port} ${connections} ${CONNECTING}`)
      return seconds
    },
    close: async () => void (await ask('close')),
    stop: () => end(child),
  }
}
