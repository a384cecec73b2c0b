/** Making connections: refused, given up, destroyed half-way, thousands at once; and nothing left behind. */
import { once } from 'node:events'
import { expect, it, vi } from 'vitest'
import {
  type Bench,
  closing,
  descriptors,
  failure,
  noLeak,
  pause,
  read,
  requireDescriptors,
} from './vsock-conformance-bench.js'

export function connecting(bench: () => Bench, crowd: number): void {
  it('reports a port that nobody listens on: code, system call and address', async () => {
    const { rig, dial } = bench()
    const port = rig.port()
    const socket = dial(port)
    const connected = vi.fn()
    socket.on('connect', connected)
    const error = await closing(socket)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject(rig.refused(port))
    expect(socket.destroyed).toBe(true)
    expect(connected).not.toHaveBeenCalled()
  })

  it('fails the writes that waited for a refused connection', async () => {
    const { rig, dial } = bench()
    const port = rig.port()
    const socket = dial(port)
    const written = new Promise((resolve) => socket.write('lost', resolve))
    const refused = failure(socket)
    expect(await written).toBeInstanceOf(Error)
    expect(await refused).toMatchObject(rig.refused(port))
  })

  it('keeps ports apart', async () => {
    const { rig, serve, dial } = bench()
    const ports = [rig.port(), rig.port()]
    for (const port of ports) {
      const server = await serve(port)
      server.on('connection', (socket) => socket.end(`at ${port}`))
    }
    for (const port of ports) expect(await read(dial(port))).toBe(`at ${port}`)
  })

  it(`serves ${crowd} connections at once, and loses none`, async (context) => {
    requireDescriptors(context, 4 * crowd)
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.pipe(socket))
    const numbers = Array.from({ length: crowd }, (_, index) => `number ${index}`)
    // None ends before the last one has connected: all of them are there at the same time.
    const sockets = numbers.map(() => dial(port, { timeout: Infinity }))
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    const answers = sockets.map((socket, index) => read(socket.end(`number ${index}`)))
    expect(await Promise.all(answers)).toEqual(numbers)
  })

  it('destroyed at once, it never connects, and leaves the listener no connection that stays', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    const ends: Promise<unknown>[] = []
    server.on('connection', (socket) => {
      ends.push(closing(socket))
      socket.resume().end('served')
    })
    const connected = vi.fn()
    for (let index = 0; index < 20; index++) {
      const socket = dial(port)
      socket.on('connect', connected)
      const closed = closing(socket)
      socket.destroy()
      expect(await closed).toBeUndefined()
    }
    expect(await read(dial(port))).toBe('served')
    await Promise.all(ends)
    expect(connected).not.toHaveBeenCalled()
  })

  it('destroyed with an error while it connects, it reports that error', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    await serve(port)
    const socket = dial(port)
    socket.destroy(new Error('no longer needed'))
    expect(await closing(socket)).toMatchObject({ message: 'no longer needed' })
  })

  it('leaves no descriptor behind after 200 attempts that came to nothing', async () => {
    const { rig, serve, dial } = bench()
    const [heard, unheard] = [rig.port(), rig.port()]
    const server = await serve(heard)
    server.on('connection', (socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end(),
    )
    const attempts = [
      () => dial(unheard),
      () => dial(heard, { signal: AbortSignal.abort() }),
      () => dial(unheard).destroy(),
      () => dial(heard).destroy(),
      () => {
        const controller = new AbortController()
        setImmediate(() => controller.abort())
        return dial(unheard, { signal: controller.signal })
      },
      () => {
        const controller = new AbortController()
        const socket = dial(heard, { signal: controller.signal })
        controller.abort()
        return socket
      },
    ]
    const round = () => Promise.all(attempts.map((attempt) => closing(attempt())))
    // Whatever opens once and stays open is open after the first round.
    await round()
    await pause(50)
    const before = descriptors()
    for (let count = attempts.length; count < 200; count += attempts.length) await round()
    await noLeak(before)
  })

  it('leaves no descriptor behind when connections have served', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.pipe(socket))
    const round = async () => expect(await read(dial(port).end('round'))).toBe('round')
    await round()
    await pause(50)
    const before = descriptors()
    for (let count = 0; count < 50; count++) await round()
    await noLeak(before)
  })
}
