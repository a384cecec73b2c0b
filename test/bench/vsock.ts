/** Bytes through connect() and listen() on a transport, beside net.Socket over a Unix socket, in turns. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, listen, type VsockTransport } from '../../shared/vsock/index.js'
import { median, type Result, result } from './result.js'

const CHUNK = Buffer.alloc(64 * 1024, 0x5a)
const ROUNDS = 5

export interface VsockBench {
  readonly transport: VsockTransport
  readonly cid: number
  readonly port: number
  /** Bytes of one measurement, shared among its connections. */
  readonly bytes: number
}

interface Way {
  readonly listen: () => Promise<net.Server>
  readonly connect: () => net.Socket
}

export async function benchVsock({ transport, cid, port, bytes }: VsockBench): Promise<readonly Result[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  const path = join(directory, 'socket')
  const ours: Way = {
    listen: () => listen({ port, transport }),
    connect: () => connect({ cid, port, transport }),
  }
  const peer: Way = {
    listen: async () => {
      const server = net.createServer({ allowHalfOpen: true })
      await new Promise<void>((resolve) => server.listen({ path, backlog: 4096 }, resolve))
      return server
    },
    connect: () => net.connect({ path }),
  }
  try {
    return [await compare(ours, peer, 1, bytes), await compare(ours, peer, 100, bytes)]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function compare(ours: Way, peer: Way, connections: number, bytes: number): Promise<Result> {
  const rates = { ours: [] as number[], peer: [] as number[] }
  // On emulated processors it takes long until all is compiled.
  for (const way of [ours, peer, ours, peer]) await measure(way, connections, bytes)
  for (let round = 0; round < ROUNDS; round++) {
    rates.ours.push(await measure(ours, connections, bytes))
    rates.peer.push(await measure(peer, connections, bytes))
  }
  return result(`bytes over AF_VSOCK, connections: ${connections}`, 'MB/s', median(rates.ours), {
    'net.Socket over a Unix socket': median(rates.peer),
  })
}

/** MB/s, from the first byte written to the last one read, on connections that stand. */
async function measure(way: Way, connections: number, bytes: number): Promise<number> {
  const server = await way.listen()
  const share = Math.floor(bytes / connections)
  const received = new Promise<void>((resolve) => {
    let missing = connections * share
    server.on('connection', (socket) => {
      socket.on('data', (chunk) => {
        missing -= chunk.length
        if (missing === 0) resolve()
      })
      socket.on('end', () => socket.end())
    })
  })
  const sockets = Array.from({ length: connections }, () => way.connect())
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const start = performance.now()
  for (const socket of sockets) send(socket, share)
  await received
  const duration = performance.now() - start
  await new Promise((resolve) => server.close(resolve))
  return bytes / 1000 / duration
}

function send(socket: net.Socket, bytes: number): void {
  let left = bytes
  const more = () => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
      left -= chunk.length
      if (!socket.write(chunk)) break
    }
    if (left === 0) {
      socket.off('drain', more)
      socket.end()
    }
  }
  socket.on('drain', more)
  socket.resume()
  more()
}
