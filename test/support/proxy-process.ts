/** `nitro-enclave proxy` in a process of its own, as a service manager would run it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type net from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { temporaryFolder } from './cli.js'

export const BIN = resolve('bin/nitro-enclave')

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [key: string]: unknown
}

export interface ProxyProcess {
  readonly pid: number
  readonly child: ChildProcess
  readonly folder: string
  readonly file: string
  /** All of them so far. */
  readonly log: readonly LogLine[]
  /** What is not a line of JSON. */
  readonly noise: readonly string[]
  /** Waits for a line after the first `from` that says `msg`. */
  line(msg: string, from?: number): Promise<LogLine>
  /** Writes another configuration, and has it read. */
  reload(config: object | string): Promise<LogLine>
  /** Dials the socket FOLDER/3.<port>. */
  dial(port: number): net.Socket
  signal(name: NodeJS.Signals): void
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
}

export interface Start {
  /** The program and what stands before Node's own arguments; by default Node itself. */
  readonly command?: readonly string[]
  readonly env?: Record<string, string>
}

const write = (file: string, config: object | string) =>
  writeFileSync(file, typeof config === 'string' ? config : stringify(config))

/** `config` gets the folder in which its Unix listeners have to be. Resolves when it listens. */
export async function startProxyProcess(
  config: (folder: string) => object,
  { command = [process.execPath], env = {} }: Start = {},
  folder = temporaryFolder(),
): Promise<ProxyProcess> {
  const file = join(folder, 'proxy.yaml')
  write(file, config(folder))
  const [program = process.execPath, ...before] = command
  const args = [...before, BIN, 'proxy', '--config', file]
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const log: LogLine[] = []
  const noise: string[] = []
  let rest = ''
  child.stderr.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine)
      else noise.push(line)
    }
  })
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const line = async (msg: string, from = 0): Promise<LogLine> => {
    const deadline = performance.now() + 20_000
    for (;;) {
      const found = log.slice(from).find((one) => one.msg.startsWith(msg))
      if (found !== undefined) return found
      if (performance.now() > deadline || child.exitCode !== null) {
        throw new Error(`no line "${msg}": ${JSON.stringify({ log, noise, code: child.exitCode })}`)
      }
      await sleep(10)
    }
  }
  const transport = unixTransport(folder)
  const started: ProxyProcess = {
    pid: child.pid ?? 0,
    child,
    folder,
    file,
    log,
    noise,
    line,
    reload: async (changed) => {
      const from = log.length
      write(file, changed)
      child.kill('SIGHUP')
      return Promise.race([line('reloaded', from), line('not reloaded', from)])
    },
    dial: (port) => {
      const socket = connect({ cid: 3, port, transport, allowHalfOpen: true })
      onTestFinished(() => void socket.destroy())
      return socket
    },
    signal: (name) => void child.kill(name),
    exited,
  }
  await line('serving')
  return started
}
