/** Listening: one listener a port, connections that outlive it, who is at the other end. */
import { once } from 'node:events'
import { expect, it, vi } from 'vitest'
import { listen, peerAddress } from '../../shared/vsock/index.js'
import { type Bench, closing, eventually, firstConnection, pause, read } from './vsock-conformance-bench.js'

export function listening(bench: () => Bench): void {
  it('reads nothing from a paused connection', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port, { pauseOnConnect: true })
    dial(port).end('ping')
    const accepted = await firstConnection(server)
    const data = vi.fn()
    accepted.on('data', data)
    await pause(50)
    expect(accepted.readableLength).toBe(0)
    expect(data).not.toHaveBeenCalled()
    accepted.resume()
    await once(accepted, 'end')
    expect(Buffer.concat(data.mock.calls.flat()).toString()).toBe('ping')
  })

  it('reports a port on which somebody listens: code, system call and address', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.on('error', () => {}).end('the first'))
    await expect(listen({ ...rig.listening, port })).rejects.toMatchObject(rig.inUse(port))
    expect(await read(dial(port))).toBe('the first')
  })

  it('closed, it lets open connections finish and takes no new ones', async () => {
    const { client, accepted, server } = await bench().pair()
    const closed = once(server, 'close')
    server.close()
    accepted.pipe(accepted)
    expect(await read(client.end('finished'))).toBe('finished')
    await closed
  })

  it('closed, it refuses', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.close()
    await once(server, 'close')
    const error = await closing(dial(port))
    expect(error).toMatchObject(rig.refused(port))
  })

  it('listens again on a port that was closed', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    for (const answer of ['first', 'second', 'third']) {
      const server = await serve(port)
      server.on('connection', (socket) => socket.end(answer))
      expect(await read(dial(port))).toBe(answer)
      server.close()
      await once(server, 'close')
    }
  })

  it('loses no connection that came before the listener of the event', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const starting = serve(port)
    const early = dial(port)
    const server = await starting
    const sockets = [early, dial(port), dial(port)]
    server.on('connection', (socket) => socket.end('served'))
    expect(await Promise.all(sockets.map(read))).toEqual(['served', 'served', 'served'])
  })

  it('counts its connections, and refuses more than maxConnections', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.maxConnections = 1
    const dropped = vi.fn()
    server.on('drop', dropped)
    const first = dial(port)
    const accepted = await firstConnection(server)
    await closing(dial(port).resume())
    expect(dropped).toHaveBeenCalledOnce()
    accepted.end('the only one')
    expect(await read(first)).toBe('the only one')
  })

  it('tells the CID of the other end, when the transport knows it', async () => {
    const { rig, pair } = bench()
    const { accepted } = await pair()
    expect(peerAddress(accepted)?.cid).toBe(rig.peerCid)
  })

  it('tells it of a connection whose other end is gone', async () => {
    const { rig, pair } = bench()
    const { client, accepted } = await pair()
    // What its reader is told, an end or an error, is the transport's own.
    accepted.on('error', () => undefined)
    client.destroy()
    accepted.resume().end()
    await eventually(() => expect(accepted.destroyed).toBe(true))
    expect(peerAddress(accepted)?.cid).toBe(rig.peerCid)
  })
}
