/** Worker threads connect, listen and end, whatever they are in the middle of. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished, vi } from 'vitest'
import {
  type Bench,
  closing,
  descriptors,
  eventually,
  noLeak,
  read,
  requireDescriptors,
} from './vsock-conformance-bench.js'
import { CONNECTED, ENDED, OPEN, type WorkerTask } from './vsock-conformance-worker.js'

const message = async (worker: Worker): Promise<unknown> => (await once(worker, 'message'))[0]

const starter = (file: URL) => (workerData: WorkerTask) => {
  const thread = new Worker(file, { workerData })
  onTestFinished(async () => void (await thread.terminate()))
  return thread
}

export function threads(bench: () => Bench, worker: URL): void {
  const start = starter(worker)

  it('a thread connects to this one', async () => {
    const { rig, serve } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', async (socket) => socket.end(`you said ${await read(socket)}`))
    const worker = start({ vsockTask: 'ask', address: rig.texts.connecting(port), text: 'hello' })
    expect(await message(worker)).toBe('you said hello')
  })

  it('this thread connects to another', async () => {
    const { rig, dial } = bench()
    const port = rig.port()
    const worker = start({ vsockTask: 'serve', address: rig.texts.listening(port), text: 'heard' })
    expect(await message(worker)).toBe('listening')
    expect(await read(dial(port).end('hello'))).toBe('heard hello')
  })

  it('a thread connects to another', async () => {
    const { rig } = bench()
    const port = rig.port()
    const server = start({ vsockTask: 'serve', address: rig.texts.listening(port), text: 'heard' })
    expect(await message(server)).toBe('listening')
    const client = start({ vsockTask: 'ask', address: rig.texts.connecting(port), text: 'hello' })
    expect(await message(client)).toBe('heard hello')
  })

  it('a thread that exits on its own leaves this one in peace', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.pipe(socket))
    const worker = start({ vsockTask: 'ask', address: rig.texts.connecting(port), text: 'hello' })
    const [code] = await once(worker, 'exit')
    expect(code).toBe(0)
    expect(await read(dial(port).end('still here'))).toBe('still here')
  })

  it('a thread that ends frees the port that it listened on', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const worker = start({ vsockTask: 'serve', address: rig.texts.listening(port), text: 'heard' })
    expect(await message(worker)).toBe('listening')
    await worker.terminate()
    const server = await serve(port)
    server.on('connection', (socket) => socket.end('mine now'))
    expect(await read(dial(port))).toBe('mine now')
  })

  it('a thread that ends closes its connections', async () => {
    const { rig, dial } = bench()
    const port = rig.port()
    const worker = start({ vsockTask: 'serve', address: rig.texts.listening(port), text: 'heard' })
    expect(await message(worker)).toBe('listening')
    const socket = dial(port)
    await once(socket, 'connect')
    const closed = closing(socket.resume())
    await worker.terminate()
    // A system that resets a connection which nobody had accepted yet is right, too.
    expect((await closed)?.code).toBeOneOf([undefined, 'ECONNRESET', 'EPIPE'])
  })

  it('a thread that ends while it connects crashes nothing, and leaves no descriptor behind', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.on('error', () => {}).pipe(socket))
    const round = async () => {
      const worker = start({ vsockTask: 'hang', address: rig.texts.connecting(port) })
      expect(await message(worker)).toBe('begun')
      await worker.terminate()
      const connections = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
      await eventually(async () => expect(await connections()).toBe(0))
    }
    await round()
    const before = descriptors()
    for (let count = 0; count < 3; count++) await round()
    await noLeak(before)
    expect(await read(dial(port).end('still here'))).toBe('still here')
  })
}

export function backlog(bench: () => Bench, worker: URL, crowd: number): void {
  it(`a listener that is busy keeps ${crowd} connections waiting, and then serves them`, async (context) => {
    const { rig, serve } = bench()
    requireDescriptors(context, 4 * crowd)
    const port = rig.port()
    const server = await serve(port)
    const accepted = vi.fn()
    server.on('connection', accepted)
    const gate = new Int32Array(new SharedArrayBuffer(12))
    const address = rig.texts.connecting(port)
    const thread = starter(worker)({ vsockTask: 'crowd', address, crowd: { size: crowd, gate } })
    expect(await message(thread)).toBe('ready')
    Atomics.store(gate, OPEN, 1)
    Atomics.notify(gate, OPEN)
    // Blocks this thread: nobody accepts anything.
    for (let ended = 0; ended < crowd; ended = Atomics.load(gate, ENDED)) {
      if (Atomics.wait(gate, ENDED, ended, 30_000) === 'timed-out') break
    }
    expect(Atomics.load(gate, CONNECTED)).toBe(crowd)
    expect(accepted).not.toHaveBeenCalled()
    await eventually(() => expect(accepted).toHaveBeenCalledTimes(crowd))
  })
}
