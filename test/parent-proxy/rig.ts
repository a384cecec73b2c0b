/** A proxy between real sockets: clients dial a Unix transport, upstream servers stand on Unix or loopback TCP. */
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ConnectionSummary } from '../../parent-proxy/connection.js'
import type { ProxyObserver } from '../../parent-proxy/observer.js'
import type { ProxyOptions, TunnelListenerOptions } from '../../parent-proxy/options.js'
import { type ParentProxy, startProxy } from '../../parent-proxy/proxy.js'
import type { Endpoint, Resolver } from '../../parent-proxy/resolver.js'
import { connect, unixTransport, type VsockTransport } from '../../shared/vsock/index.js'

export const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'p-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Starts an upstream server, on a Unix socket or on loopback TCP, half-open allowed. */
export const startUpstream = async (serve: (socket: net.Socket) => void, kind: 'unix' | 'tcp' = 'unix') => {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  const path = join(directory(), 'up')
  if (kind === 'unix') server.listen({ path, backlog: 4096 })
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const bound = server.address()
  const endpoint: Endpoint =
    typeof bound === 'object' && bound !== null ? { address: bound.address, port: bound.port } : { path }
  return { endpoint, sockets, server }
}

/** A loopback TCP port that refuses. */
export const refusing = async (): Promise<Endpoint> => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return { address: '127.0.0.1', port }
}

/** vsock over loopback TCP, which knows resets: the port number alone counts. */
export const tcpTransport: VsockTransport = {
  connect: ({ port }, { allowHalfOpen }) => net.connect({ port, host: '127.0.0.1', allowHalfOpen }),
  listen: async (server, { port }, backlog) => {
    server.listen({ port, host: '127.0.0.1', backlog })
    await once(server, 'listening')
  },
}

type Settings = Omit<Partial<TunnelListenerOptions>, 'listen'> & {
  readonly transport?: VsockTransport
  readonly port?: number
  readonly allowlist?: ProxyOptions['allowlist']
  readonly resolver?: Resolver | undefined
  readonly observer?: ProxyObserver
  readonly shared?: Pick<ProxyOptions, 'maxConnections' | 'maxConnectionsPerCid'>
  readonly descriptors?: number
}

export interface Rig {
  readonly proxy: ParentProxy
  readonly summaries: ConnectionSummary[]
  /** A client of the proxy. */
  dial(): net.Socket
  /** The summary of the n-th connection to end. */
  summary(index?: number): Promise<ConnectionSummary>
}

/** Allowed by their exact addresses, as loopback has to be. */
const addressesOf = (endpoints: readonly Endpoint[] | Resolver): ProxyOptions['allowlist'] =>
  typeof endpoints === 'function' ? [] : endpoints.flatMap((one) => ('address' in one ? [one] : []))

/** Starts a proxy of one listener, whose target resolves to `upstream`. */
export const startRig = async (
  upstream: readonly Endpoint[] | Resolver,
  settings: Settings = {},
): Promise<Rig> => {
  const { transport = unixTransport(directory()), port = 8000, shared, descriptors, observer } = settings
  const { to = { host: 'kms.test', port: 443 }, allowlist = [{ address: to.host, port: to.port }] } = settings
  const { resolver = typeof upstream === 'function' ? upstream : async () => upstream } = settings
  const summaries: ConnectionSummary[] = []
  const proxy = await startProxy(
    {
      allowlist: [...allowlist, ...addressesOf(upstream)],
      listeners: [{ ...settings, listen: { cid: 3, port, transport }, to }],
      ...shared,
    },
    {
      resolver: 'resolver' in settings ? settings.resolver : resolver,
      observer: {
        onEvent: observer?.onEvent,
        onConnection: (summary) => {
          summaries.push(summary)
          observer?.onConnection?.(summary)
        },
      },
      ...(descriptors !== undefined && { descriptors }),
    },
  )
  onTestFinished(() => proxy.close())
  const dial = () => {
    const socket = connect({ cid: 3, port, transport, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    return socket
  }
  const summary = async (index = 0) => {
    await until(() => summaries.length > index)
    return summaries[index] as ConnectionSummary
  }
  return { proxy, summaries, dial, summary }
}

/** Whether somebody listens at a socket's path: its file is there a moment before (proc(5), /proc/net/unix). */
export const listensAt = (path: string): boolean => {
  if (process.platform !== 'linux') return existsSync(path)
  const sockets = readFileSync('/proc/net/unix', 'latin1').split('\n')
  return sockets.some((line) => line.endsWith(` ${path}`) && line.split(' ')[3] === '00010000')
}

/** Waits for a condition, up to 10 s. */
export const until = async (condition: () => boolean): Promise<void> => {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Everything until the peer ends. */
export const read = (socket: net.Socket): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks)))
    socket.on('error', reject)
    socket.resume()
  })

/** How a socket ended: its error's code, or `closed` without one. */
export const ending = (socket: net.Socket): Promise<string | undefined> =>
  new Promise((resolve) => {
    let code: string | undefined = 'closed'
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(code))
    socket.resume()
  })

/** Writes until the peer stops reading: the bytes that were accepted after `quiet` ms without progress. */
export const flood = async (socket: net.Socket, limit: number, quiet = 300): Promise<number> => {
  const chunk = Buffer.alloc(64 * 1024)
  let written = 0
  let last = performance.now()
  const push = () => {
    while (written < limit && !socket.destroyed) {
      written += chunk.length
      last = performance.now()
      if (!socket.write(chunk)) return
    }
  }
  socket.on('drain', push)
  push()
  await until(() => performance.now() - last > quiet || written >= limit)
  return written
}
