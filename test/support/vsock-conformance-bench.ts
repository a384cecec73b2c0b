/** What the tests of connect() and listen() share: a rig to run on, sockets that are cleaned up, and counting. */
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import net from 'node:net'
import type { Readable } from 'node:stream'
import { expect, onTestFinished, type TestContext } from 'vitest'
import { type ConnectOptions, connect, type ListenOptions, listen } from '../../shared/vsock/index.js'
import type { VsockTransport } from '../../shared/vsock/transport.js'

/** One way in: connections that are made to `connecting` arrive where `listening` listens. */
export interface Rig {
  readonly connecting: { readonly transport: VsockTransport; readonly cid: number }
  readonly listening: { readonly transport: VsockTransport; readonly cid: number }
  /** A port that nobody has listened on yet, another one every time. */
  port(): number
  /** The same two sides for another thread, as parseVsockAddress() reads them. */
  readonly texts: { connecting(port: number): string; listening(port: number): string }
  /** Fields of the error when nobody listens on `port`. */
  refused(port: number): object
  /** Fields of the error when somebody listens on `port` already. */
  inUse(port: number): object
  /** The CID that accepted connections come from; undefined if the transport cannot tell. */
  readonly peerCid: number | undefined
  /** Where connections are neither made nor refused. */
  readonly silent?: { readonly cid: number; readonly port: number } | undefined
  close?(): void | Promise<void>
}

type DialOptions = Partial<Omit<ConnectOptions, 'port'>>
type ServeOptions = Partial<Omit<ListenOptions, 'port'>>

export interface Bench {
  readonly rig: Rig
  /** Listens until the test ends; the connections end with it. */
  serve(port: number, options?: ServeOptions): Promise<net.Server>
  dial(port: number, options?: DialOptions): net.Socket
  /** A connection, seen from both its ends. */
  pair(options?: {
    dial?: DialOptions
    serve?: ServeOptions
  }): Promise<{ client: net.Socket; accepted: net.Socket; server: net.Server }>
}

export function benchOn(rig: Rig): Bench {
  const serve = async (port: number, options: ServeOptions = {}) => {
    const server = await listen({ ...rig.listening, port, ...options })
    const sockets = new Set<net.Socket>()
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.on('error', () => {}).destroy()
    })
    return server
  }
  const dial = (port: number, options: DialOptions = {}) => {
    const socket = connect({ ...rig.connecting, port, ...options })
    onTestFinished(() => void socket.on('error', () => {}).destroy())
    return socket
  }
  const pair: Bench['pair'] = async (options = {}) => {
    const port = rig.port()
    const server = await serve(port, options.serve)
    const client = dial(port, options.dial)
    const [accepted] = await Promise.all([firstConnection(server), once(client, 'connect')])
    return { client, accepted, server }
  }
  return { rig, serve, dial, pair }
}

export async function firstConnection(server: net.Server): Promise<net.Socket> {
  const [socket]: net.Socket[] = await once(server, 'connection')
  if (socket === undefined) throw new Error('a connection without a socket')
  return socket
}

/** A socket that connects to nothing, for ever. */
export const SILENT: VsockTransport = { connect: () => new net.Socket(), listen: async () => {} }

/** Everything until the peer ends. Not `for await`, which destroys a socket that could still be written to. */
export function read(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('end', () => resolve(text))
    stream.on('error', reject)
  })
}

export interface Sum {
  readonly length: number
  readonly sha256: string
}

/** Length and checksum of everything until the peer ends. */
export function digest(stream: Readable): Promise<Sum> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256')
    let length = 0
    stream.on('data', (chunk) => {
      hash.update(chunk)
      length += chunk.length
    })
    stream.on('end', () => resolve({ length, sha256: hash.digest('hex') }))
    stream.on('error', reject)
  })
}

/** Random bytes and their sum. */
export function payload(length: number): { readonly bytes: Buffer; readonly sum: Sum } {
  const bytes = randomFillSync(Buffer.allocUnsafe(length))
  return { bytes, sum: { length, sha256: createHash('sha256').update(bytes).digest('hex') } }
}

export async function failure(socket: net.Socket): Promise<NodeJS.ErrnoException> {
  const [error] = await once(socket, 'error')
  return error
}

/** The error a socket closed with, undefined when it closed in peace. */
export function closing(socket: net.Socket): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    let reason: NodeJS.ErrnoException | undefined
    socket.on('error', (error) => {
      reason = error
    })
    socket.on('close', () => resolve(reason))
  })
}

/** Open descriptors of this process. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Waits for what is bound to happen soon; when it does not, says what was there instead. */
export async function eventually(check: () => void | Promise<void>, patience = 15_000): Promise<void> {
  const deadline = performance.now() + patience
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await pause(10)
  }
}

/** The most descriptors that this process may have: Node raises its soft limit to it. */
function descriptorLimit(): number {
  const [, hard = '0'] =
    /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
  return hard === 'unlimited' ? Infinity : Number(hard)
}

/** Leaves the test out where it cannot have `count` descriptors, and some for others. */
export function requireDescriptors(context: TestContext, count: number): void {
  const needed = count + 1_000
  if (descriptorLimit() < needed) context.skip(`needs ${needed} descriptors (ulimit -Hn)`)
}

/** No descriptor more than there were. */
export function noLeak(before: number): Promise<void> {
  return eventually(() => expect(descriptors()).toBeLessThanOrEqual(before))
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
