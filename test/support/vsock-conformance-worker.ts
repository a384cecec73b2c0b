/** A thread of the tests: does its task when it was started with one, and nothing when it is merely imported. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { connect, listen, parseVsockAddress } from '../../shared/vsock/index.js'

export interface WorkerTask {
  /**
   * ask: connects, says its text, posts the answer. serve: listens, posts 'listening', answers with its text and
   * what it read. hang: begins 20 connections, posts 'begun', and never comes back. crowd: posts 'ready', and when
   * `gate` opens makes its connections, counts those that stand in it, and keeps them.
   */
  readonly vsockTask: 'ask' | 'serve' | 'hang' | 'crowd'
  /** For parseVsockAddress(). */
  readonly address: string
  readonly text?: string
  readonly crowd?: Crowd
}

export interface Crowd {
  readonly size: number
  /** Its numbers are OPEN, ENDED and CONNECTED. */
  readonly gate: Int32Array
}

export const OPEN = 0
/** Attempts that have come to their end, whatever end. */
export const ENDED = 1
export const CONNECTED = 2

const tasks: Record<WorkerTask['vsockTask'], (task: WorkerTask) => Promise<void>> = {
  async ask({ address, text = '' }) {
    const socket = connect(parseVsockAddress(address))
    socket.end(text)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    parentPort?.postMessage(answer)
  },

  async serve({ address, text }) {
    const server = await listen(parseVsockAddress(address))
    server.on('connection', async (socket) => {
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      await once(socket, 'end')
      socket.end(`${text} ${Buffer.concat(chunks)}`)
    })
    parentPort?.postMessage('listening')
  },

  async hang({ address }) {
    for (let count = 0; count < 20; count++) connect(parseVsockAddress(address))
    parentPort?.postMessage('begun')
    // No further turn of this thread's loop: the connections stay as they are.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },

  async crowd({ address, crowd }) {
    if (crowd === undefined) return
    const { size, gate } = crowd
    parentPort?.postMessage('ready')
    Atomics.wait(gate, OPEN, 0)
    for (let count = 0; count < size; count++) {
      const socket = connect({ ...parseVsockAddress(address), timeout: Infinity })
      const ended = () => {
        Atomics.add(gate, ENDED, 1)
        Atomics.notify(gate, ENDED)
      }
      socket.on('error', ended)
      socket.on('connect', () => {
        socket.off('error', ended).on('error', () => {})
        Atomics.add(gate, CONNECTED, 1)
        ended()
      })
    }
  },
}

const isTask = (data: unknown): data is WorkerTask =>
  typeof data === 'object' && data !== null && 'vsockTask' in data

if (isTask(workerData)) await tasks[workerData.vsockTask](workerData)
