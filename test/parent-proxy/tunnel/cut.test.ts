import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { cut, endWhenSent } from '../../../parent-proxy/tunnel/cut.js'
import { hiddenReset } from '../../../parent-proxy/tunnel/hidden-reset.js'
import { tunnel } from '../../../parent-proxy/tunnel.js'
import { until } from '../rig.js'

/** Two ends of one TCP connection. */
const pair = async (): Promise<{ near: net.Socket; far: net.Socket }> => {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const near = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  await once(near, 'connect')
  const [far] = await accepted
  server.close()
  onTestFinished(() => {
    near.destroy()
    far.destroy()
  })
  return { near, far }
}

/** `end`, or the code of the error: this process's libuv may hide it as well. */
const verdict = (socket: net.Socket): Promise<string | undefined> =>
  new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    socket.on('end', () => resolve((hiddenReset(socket) as NodeJS.ErrnoException | undefined)?.code ?? 'end'))
    socket.resume()
  })

const descriptors = (): number => readdirSync('/proc/self/fd').length
const MANY = Buffer.alloc(16 * 1024 * 1024)

it('resets, however much is still to be sent', async () => {
  const { near, far } = await pair()
  near.write(MANY)
  const closed = once(near, 'close')
  cut(near)
  await closed
  expect(await verdict(far)).toBe('ECONNRESET')
})

it.skipIf(process.platform !== 'linux')('gives the descriptor back while an end is under way', async () => {
  const { near, far } = await pair()
  far.resume()
  const before = descriptors()
  near.end()
  const closed = once(near, 'close')
  cut(near)
  await closed
  await until(() => descriptors() < before)
})

it('cannot let what was cut off pass for complete: the end is sent after everything else', async () => {
  const { near, far } = await pair()
  far.pause()
  near.write(MANY)
  endWhenSent(near)
  cut(near)
  expect(await verdict(far)).toBe('ECONNRESET')
})

it('ends at once what has nothing to send', async () => {
  const { near, far } = await pair()
  endWhenSent(near)
  expect(near.writableEnded).toBe(true)
  expect(await verdict(far)).toBe('end')
})

it('ends after everything else', async () => {
  const { near, far } = await pair()
  let received = 0
  near.write(MANY)
  endWhenSent(near)
  far.on('data', (data) => {
    received += data.length
  })
  expect(await verdict(far)).toBe('end')
  expect(received).toBe(MANY.length)
})

it('a tunnel takes a reset for a reset, though bytes came with it', async () => {
  const client = await pair()
  const upstream = await pair()
  // Both are polled at once, which libuv 1.46 takes for the end of the stream.
  upstream.far.write('half an ans')
  upstream.far.resetAndDestroy()
  await once(upstream.far, 'close')
  const outcome = verdict(client.far)
  const end = await tunnel(client.near, upstream.near, {
    bytes: { up: 0, down: 0 },
    halfOpenTimeout: 60_000,
    idleTimeout: 0,
    signal: new AbortController().signal,
  })
  expect(end).toMatchObject({ reason: 'upstream-error', error: { code: 'ECONNRESET' } })
  expect(await outcome).toBe('ECONNRESET')
})
