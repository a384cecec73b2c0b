/** Ours and its peers, each a process between two TCP ports of loopback. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { end, start as startProcess } from '../../../debian/cleanup.js'
import { Skipped } from '../../../debian/outcome.js'
import { isListening } from './process-usage.js'

/** Most that are open at once: as many threads has the relay with one a connection. */
export const MAX_CONNECTIONS = 1000

export interface Relay {
  readonly name: string
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

interface Kind {
  readonly name: string
  /** Debian's, with a program of the same name; none for what is made here. */
  readonly package?: string
  command(port: number, origin: number): readonly string[]
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Compiles one of the C programs beside this file. Throws Skipped without a compiler. */
export const compile = (name: string, folder: string): string => {
  const program = join(folder, name)
  const { error, status } = spawnSync('cc', ['-O2', '-pthread', '-o', program, path(`${name}.c`)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (error) throw new Skipped(`no C compiler: ${error.message}; install gcc and libc6-dev`)
  if (status !== 0) throw new Error(`${name}.c does not compile`)
  return program
}

/** As it comes: two threads on two cores. */
const haproxyConfiguration = (port: number, origin: number): string => `global
  maxconn ${2 * MAX_CONNECTIONS}
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen relay
  bind 127.0.0.1:${port} backlog 4096
  server origin 127.0.0.1:${origin}
`

const kinds = (folder: string, built: URL): readonly Kind[] => [
  {
    name: 'ours',
    command: (port, origin) => [
      process.execPath,
      path('ours.mjs'),
      String(port),
      String(origin),
      new URL('parent-proxy/index.js', built).href,
    ],
  },
  {
    name: 'thread a connection, 8 KiB (C)',
    command: (port, origin) => [
      compile('relay', folder),
      String(port),
      String(origin),
      String(MAX_CONNECTIONS),
    ],
  },
  {
    name: 'haproxy',
    package: 'haproxy',
    command: (port, origin) => {
      const file = join(folder, 'haproxy.cfg')
      writeFileSync(file, haproxyConfiguration(port, origin))
      return ['haproxy', '-f', file]
    },
  },
  {
    name: 'socat',
    package: 'socat',
    command: (port, origin) => [
      'socat',
      // What its connections end with: no news.
      '-lf/dev/null',
      `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=4096`,
      `TCP:127.0.0.1:${origin}`,
    ],
  },
]

export const freePort = async (): Promise<number> => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const start = async (kind: Kind, origin: number): Promise<Relay> => {
  const port = await freePort()
  const [program = '', ...args] = kind.command(port, origin)
  const child = startProcess(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  for (const deadline = performance.now() + 10_000; !isListening(port); await sleep(20)) {
    if (child.exitCode === null && performance.now() < deadline) continue
    throw new Error(`${kind.name} does not listen`)
  }
  return { name: kind.name, port, pid: child.pid ?? 0, stop: () => end(child) }
}

/** All that can be had here, ours first; `built`: the folder of the compiled product. */
export const startRelays = async (folder: string, built: URL, origin: number): Promise<readonly Relay[]> => {
  const relays: Relay[] = []
  for (const kind of kinds(folder, built)) {
    if (kind.package !== undefined && spawnSync(kind.package, ['-V']).error) {
      process.stdout.write(`${kind.name} is missing (Debian package ${kind.package}): left out\n`)
    } else {
      relays.push(await start(kind, origin))
    }
  }
  return relays
}
