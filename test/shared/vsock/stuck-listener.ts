/** A Unix listener with no room left. */
import { once } from 'node:events'
import net from 'node:net'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'

const code = `
  const net = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket))
  server.listen({ path: workerData.path, backlog: 1 }, () => {
    parentPort.postMessage('listening')
    setImmediate(() => Atomics.wait(workerData.gate, 0, 0))
  })`

/** Undefined once connected, else the error's code. */
const attempt = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = net.connect({ path }, () => resolve(undefined))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    onTestFinished(() => void socket.destroy())
  })

/** Listens at `path` in a thread that sleeps, with a full backlog, until wake(); then it accepts and echoes. */
export const startStuckListener = async (path: string): Promise<{ wake: () => void }> => {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(code, { eval: true, workerData: { path, gate } })
  const wake = () => {
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
  onTestFinished(async () => {
    wake()
    await worker.terminate()
  })
  await once(worker, 'message')
  // The thread may still accept a connection or two before it falls asleep: a full queue must stay full.
  for (let full = 0; full < 3; ) {
    const outcome = await attempt(path)
    if (outcome === undefined) full = 0
    else if (outcome === 'EAGAIN') full += 1
    else throw new Error(outcome)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { wake }
}
