/** A listener with no room left: a Unix socket then refuses with EAGAIN, loopback TCP falls silent. */
import { once } from 'node:events'
import net from 'node:net'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'

const code = `
  const net = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket))
  server.listen({ ...workerData.target, backlog: 1 }, () => {
    parentPort.postMessage(server.address())
    setImmediate(() => Atomics.wait(workerData.gate, 0, 0))
  })`

/** The error's code, `connected`, or `silent` after 100 ms. */
const attempt = (target: net.NetConnectOpts): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = net.connect(target, () => resolve('connected'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    socket.setTimeout(100, () => resolve('silent'))
    onTestFinished(() => void socket.destroy())
  })

/** Listens in a thread that sleeps, with a full backlog, until wake(); then it accepts and echoes. */
const start = async (target: net.ListenOptions) => {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(code, { eval: true, workerData: { target, gate } })
  const wake = () => {
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
  onTestFinished(async () => {
    wake()
    await worker.terminate()
  })
  const [bound]: (net.AddressInfo | string)[] = await once(worker, 'message')
  const full = typeof bound === 'string' ? { path: bound } : { host: '127.0.0.1', port: bound?.port ?? 0 }
  // The thread may still accept a connection or two before it falls asleep: a full queue must stay full.
  for (let refusals = 0; refusals < 3; ) {
    const outcome = await attempt(full)
    if (outcome === 'connected') refusals = 0
    else if (outcome === 'EAGAIN' || outcome === 'silent') refusals += 1
    else throw new Error(outcome)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { wake, bound }
}

/** At a Unix path. */
export const startStuckListener = async (path: string): Promise<{ wake: () => void }> => start({ path })

/** On loopback TCP. */
export const startSilentListener = async (): Promise<{ address: string; port: number }> => {
  const { bound } = await start({ host: '127.0.0.1', port: 0 })
  if (typeof bound !== 'object') throw new Error('no port')
  return { address: bound.address, port: bound.port }
}
