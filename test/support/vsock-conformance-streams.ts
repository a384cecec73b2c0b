/** Bytes: all of them, in order, in both directions, and the ends of both directions apart. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type net from 'node:net'
import { expect, it } from 'vitest'
import { type Bench, closing, digest, pause, payload, read } from './vsock-conformance-bench.js'

const MIB = 1024 * 1024
const BROKEN = expect.stringMatching(/^(ECONNRESET|EPIPE)$/)

export function streams(bench: () => Bench): void {
  it('echoes, with half-close: the client ends first and still gets the answer', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', async (socket) => socket.end(`got ${await read(socket)}`))
    const socket = dial(port)
    socket.end('ping')
    expect(await read(socket)).toBe('got ping')
  })

  it('lets a client that is half open go on when the server has ended', async () => {
    const { client, accepted } = await bench().pair({ dial: { allowHalfOpen: true } })
    const received = read(accepted)
    accepted.end('first')
    expect(await read(client)).toBe('first')
    client.end('last')
    expect(await received).toBe('last')
  })

  it('ends the client with the server when it is not half open', async () => {
    const { client, accepted } = await bench().pair()
    const closed = closing(client)
    client.resume()
    accepted.resume().end()
    expect(await closed).toBeUndefined()
  })

  it('keeps an accepted socket from answering when it is not half open', async () => {
    const { client, accepted } = await bench().pair({ serve: { allowHalfOpen: false } })
    const closed = closing(accepted)
    accepted.resume()
    client.resume().end()
    expect(await closed).toBeUndefined()
  })

  it('carries what is written before the connection stands', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.pipe(socket))
    const socket = dial(port)
    expect(socket.connecting).toBe(true)
    for (const part of ['one ', 'two ', 'three']) socket.write(part)
    await once(socket, 'connect')
    socket.end(' four')
    expect(await read(socket)).toBe('one two three four')
  })

  it('carries 1 MiB that is written and ended before the connection stands', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    const { bytes, sum } = payload(MIB)
    const socket = dial(port)
    socket.end(bytes)
    const [accepted]: net.Socket[] = await once(server, 'connection')
    accepted?.end()
    expect(accepted && (await digest(accepted))).toEqual(sum)
  })

  it('holds the writer back while the reader pauses, then delivers 32 MiB in order', async () => {
    const { client, accepted } = await bench().pair({ serve: { pauseOnConnect: true } })
    const chunk = payload(64 * 1024).bytes
    const hash = createHash('sha256')
    const progress = { sent: 0 }
    const written = (async () => {
      while (progress.sent < 32 * MIB) {
        chunk.writeUInt32BE(progress.sent)
        hash.update(chunk)
        progress.sent += chunk.length
        if (!client.write(Buffer.from(chunk))) await once(client, 'drain')
      }
      client.end()
    })()
    // Stands still: nothing more was taken for a while.
    for (let before = -1; before !== progress.sent; ) {
      before = progress.sent
      await pause(200)
    }
    expect(client.writableNeedDrain).toBe(true)
    expect(progress.sent).toBeLessThan(8 * MIB)
    expect(accepted.readableLength).toBeLessThan(MIB)
    const received = digest(accepted)
    accepted.resume()
    await written
    expect(await received).toEqual({ length: 32 * MIB, sha256: hash.digest('hex') })
  })

  it('carries 16 MiB in both directions at once', async () => {
    const { client, accepted } = await bench().pair({ dial: { allowHalfOpen: true } })
    const [out, back] = [payload(16 * MIB), payload(16 * MIB)]
    const sums = Promise.all([digest(accepted), digest(client)])
    client.end(out.bytes)
    accepted.end(back.bytes)
    expect(await sums).toEqual([out.sum, back.sum])
  })

  it('carries many small writes in order', async () => {
    const { client, accepted } = await bench().pair()
    const words = Array.from({ length: 5_000 }, (_, index) => `${index};`)
    const received = read(accepted)
    for (const word of words) client.write(word)
    client.end()
    expect(await received).toBe(words.join(''))
  })

  describeDestroyed(bench, 'the accepted end', ({ client, accepted }) => [accepted, client])
  describeDestroyed(bench, 'the connecting end', ({ client, accepted }) => [client, accepted])
}

type Ends = (pair: { client: net.Socket; accepted: net.Socket }) => readonly [net.Socket, net.Socket]

/** Destroyed with unread data, an end resets the connection, or shuts it in order: never silence. */
function describeDestroyed(bench: () => Bench, name: string, ends: Ends): void {
  const broken = async () => {
    const pair = await bench().pair({ dial: { allowHalfOpen: true }, serve: { pauseOnConnect: true } })
    const [lost, other] = ends(pair)
    lost.pause()
    await new Promise((resolve) => other.write('never read', resolve))
    lost.destroy()
    return other
  }

  it(`tells the reader that ${name} is gone`, async () => {
    const other = await broken()
    const gone = new Promise((resolve) => {
      other.on('end', () => resolve('end'))
      other.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    other.resume()
    expect(await gone).toEqual(expect.stringMatching(/^(end|ECONNRESET|EPIPE)$/))
  })

  it(`tells the writer that ${name} is gone`, async () => {
    const other = await broken()
    const closed = closing(other)
    const insist = () => {
      if (!other.destroyed) other.write('still there?', () => setImmediate(insist))
    }
    insist()
    expect(await closed).toMatchObject({ code: BROKEN })
  })
}
