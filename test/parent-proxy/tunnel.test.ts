import { createHash, randomBytes } from 'node:crypto'
import { getEventListeners, once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { canShare, SHARED_BUFFER_SIZE } from '../../parent-proxy/tunnel/shared-buffer.js'
import { type TunnelOptions, tunnel } from '../../parent-proxy/tunnel.js'
import { directory, ending, flood, read, until } from './rig.js'

const MiB = 1024 * 1024

interface Pair {
  readonly near: net.Socket
  readonly far: net.Socket
}

/** Two ends of one connection; nothing is read from `near` yet. */
const pair = async (kind: 'unix' | 'tcp' = 'unix'): Promise<Pair> => {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
  if (kind === 'unix') server.listen(join(directory(), 's'))
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null) throw new Error('not listening')
  const far =
    typeof address === 'string'
      ? net.connect({ path: address, allowHalfOpen: true })
      : net.connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
  const [near]: net.Socket[] = await once(server, 'connection')
  server.close()
  if (near === undefined) throw new Error('no connection')
  onTestFinished(() => {
    near.destroy()
    far.destroy()
  })
  return { near, far }
}

const options = () => {
  const controller = new AbortController()
  const bytes = { up: 0, down: 0 }
  return { controller, bytes, halfOpenTimeout: 60_000, idleTimeout: 0, signal: controller.signal }
}

const start = async (more: Partial<TunnelOptions> = {}, kind: 'unix' | 'tcp' = 'unix') => {
  const client = await pair(kind)
  const upstream = await pair(kind)
  const settings = options()
  const ended = tunnel(client.near, upstream.near, { ...settings, ...more })
  onTestFinished(() => settings.controller.abort())
  return { ...settings, client: client.far, upstream: upstream.far, near: { client, upstream }, ended }
}

const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex')

describe.each([
  ['by the shared buffer, Unix sockets', {}, 'unix'],
  ['by the shared buffer, TCP', {}, 'tcp'],
  ['by events', { tap: () => {} }, 'unix'],
] as const)('%s', (_, more, kind) => {
  it('carries 16 MiB both ways at once, intact, and counts them', async () => {
    const { client, upstream, bytes, ended } = await start(more, kind)
    const up = randomBytes(16 * MiB)
    const down = randomBytes(16 * MiB)
    const received = Promise.all([read(upstream), read(client)])
    client.end(up)
    upstream.end(down)
    expect((await received).map(digest)).toEqual([up, down].map(digest))
    expect(await ended).toEqual({ reason: 'ended' })
    expect(bytes).toEqual({ up: up.length, down: down.length })
  })

  it('ends each way on its own', async () => {
    const { client, upstream, ended } = await start(more, kind)
    const received = read(client)
    client.end('question')
    expect(String(await read(upstream))).toBe('question')
    upstream.end('answer')
    expect(String(await received)).toBe('answer')
    expect(await ended).toEqual({ reason: 'ended' })
  })

  it('passes on what had come before it began, first', async () => {
    const client = await pair(kind)
    const upstream = await pair(kind)
    client.far.write('first, ')
    client.near.read(0)
    await until(() => client.near.readableLength > 0)
    const settings = options()
    void tunnel(client.near, upstream.near, { ...settings, ...more })
    client.far.end('second')
    expect(String(await read(upstream.far))).toBe('first, second')
    expect(settings.bytes.up).toBe(13)
    settings.controller.abort()
  })

  it('sends behind what a socket still holds', async () => {
    const client = await pair(kind)
    const upstream = await pair(kind)
    const before = randomBytes(8 * MiB)
    upstream.near.write(before)
    client.far.write('first, ')
    client.near.read(0)
    await until(() => client.near.readableLength > 0)
    const settings = options()
    void tunnel(client.near, upstream.near, { ...settings, ...more })
    client.far.end('second')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const received = await read(upstream.far)
    expect(digest(received.subarray(0, before.length))).toBe(digest(before))
    expect(String(received.subarray(before.length))).toBe('first, second')
    settings.controller.abort()
  })

  it('reads no further when the reader stalls; the other way goes on, and nothing is lost', async () => {
    const { client, upstream, bytes } = await start(more, kind)
    const written = await flood(client, 64 * MiB)
    expect(written).toBeLessThan(64 * MiB)
    const before = bytes.up
    upstream.write(Buffer.alloc(4 * MiB))
    client.resume()
    await until(() => bytes.down === 4 * MiB)
    expect(bytes.up).toBe(before)
    client.removeAllListeners('drain').end()
    expect((await read(upstream)).length).toBe(written)
  })

  it('names whose socket was reset', async () => {
    const { client, upstream, ended } = await start(more, 'tcp')
    const cut = ending(client)
    upstream.resetAndDestroy()
    expect(await ended).toMatchObject({ reason: 'upstream-error', error: { code: 'ECONNRESET' } })
    expect(await cut).toBe('ECONNRESET')
  })

  it('ends when the reader is gone and the writer goes on', async () => {
    const { client, upstream, ended } = await start(more, kind)
    upstream.destroy()
    void flood(client, 64 * MiB).catch(() => {})
    const cut = ending(client)
    expect(await ended).toMatchObject({ reason: 'upstream-error' })
    await cut
  })
})

describe('the shared buffer', () => {
  it('serves sockets of the kernel, on this version of Node too', async () => {
    const unix = await pair('unix')
    const tcp = await pair('tcp')
    expect(canShare(unix.near, tcp.near)).toBe(true)
    expect(canShare(tcp.far, unix.far)).toBe(true)
  })

  it('serves no TLS socket, whose descriptor is for encrypted bytes, and none without a descriptor', async () => {
    const { near, far } = await pair('tcp')
    const tls = new TLSSocket(near, { isServer: true })
    onTestFinished(() => void tls.destroy())
    expect([canShare(tls, far), canShare(far, tls)]).toEqual([false, false])
    expect([canShare(new net.Socket(), far), canShare(far, new net.Socket())]).toEqual([false, false])
  })

  it('holds at most its own size for a reader that stalls', async () => {
    const { client, bytes, near } = await start()
    await flood(client, 64 * MiB)
    expect(near.upstream.near.writableLength).toBeGreaterThan(0)
    expect(near.upstream.near.writableLength).toBeLessThanOrEqual(SHARED_BUFFER_SIZE)
    expect(near.client.near.readableLength).toBe(0)
    // And what is in the kernel's buffer.
    expect(bytes.up).toBeLessThan(MiB)
  })

  it('keeps the bytes of a stalled connection apart from those of 50 that move', async () => {
    const stalled = await start()
    const data = randomBytes(4 * MiB)
    stalled.client.end(data)
    await until(() => stalled.near.upstream.near.writableLength > 0)
    const exchange = async () => {
      const { client, upstream, ended } = await start()
      const sent = randomBytes(300_000)
      upstream.pipe(upstream)
      client.end(sent)
      expect(digest(await read(client))).toBe(digest(sent))
      expect(await ended).toEqual({ reason: 'ended' })
    }
    await Promise.all(Array.from({ length: 50 }, exchange))
    expect(digest(await read(stalled.upstream))).toBe(digest(data))
  })
})

describe('timeouts', () => {
  /** Real sockets, and a clock that moves by hand. */
  const clock = () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
  }
  const send = async (from: net.Socket, to: net.Socket) => {
    from.write('.')
    await once(to, 'data')
  }
  const isOpen = (socket: net.Socket) => !socket.destroyed

  it.each([
    ['the shared buffer', {}],
    ['events', { tap: () => {} }],
  ])('cuts a connection that is silent both ways, by %s', async (_, more) => {
    const { client, upstream, near, ended } = await start({ ...more, idleTimeout: 0 })
    clock()
    vi.advanceTimersByTime(2 ** 31 - 1)
    expect(isOpen(near.client.near)).toBe(true)
    vi.useRealTimers()
    client.end()
    upstream.resume().end()
    client.resume()
    expect(await ended).toEqual({ reason: 'ended' })

    clock()
    const second = await start({ ...more, idleTimeout: 1000 })
    for (const _ of [1, 2]) {
      vi.advanceTimersByTime(900)
      await send(second.client, second.upstream)
      vi.advanceTimersByTime(900)
      await send(second.upstream, second.client)
    }
    vi.advanceTimersByTime(900)
    expect(isOpen(second.near.client.near)).toBe(true)
    vi.advanceTimersByTime(200)
    expect(await second.ended).toEqual({ reason: 'idle-timeout' })
    expect([second.near.client.near.closed, second.near.upstream.near.closed]).toEqual([true, true])
  })

  it('cuts a half-open connection when the other side falls silent', async () => {
    clock()
    const { client, upstream, near, ended } = await start({ halfOpenTimeout: 1000 })
    vi.advanceTimersByTime(5000)
    client.end()
    upstream.resume()
    await once(upstream, 'end')
    vi.advanceTimersByTime(900)
    await send(upstream, client)
    vi.advanceTimersByTime(900)
    expect(isOpen(near.client.near)).toBe(true)
    vi.advanceTimersByTime(200)
    expect(await ended).toEqual({ reason: 'half-open-timeout' })
  })

  it.each([
    ['idle-timeout', 500, 1000],
    ['half-open-timeout', 1000, 500],
  ] as const)(
    'ends a half-open one with %s, the shorter of both',
    async (reason, idleTimeout, halfOpenTimeout) => {
      clock()
      const { client, upstream, ended } = await start({ idleTimeout, halfOpenTimeout })
      client.end()
      upstream.resume()
      await once(upstream, 'end')
      vi.advanceTimersByTime(600)
      expect(await ended).toEqual({ reason })
    },
  )

  it('counts what a slow reader takes at last as life', async () => {
    clock()
    const { client, upstream, near, bytes, ended } = await start({ idleTimeout: 1000 })
    const held = () => near.upstream.near.writableLength
    const turn = () => new Promise(setImmediate)
    for (let sent = 0; held() === 0; ) {
      client.write(Buffer.alloc(32 * 1024))
      sent += 32 * 1024
      while (bytes.up < sent) await turn()
    }
    vi.advanceTimersByTime(900)
    upstream.resume()
    while (held() > 0) await turn()
    vi.advanceTimersByTime(900)
    expect(isOpen(near.client.near)).toBe(true)
    vi.advanceTimersByTime(200)
    expect(await ended).toEqual({ reason: 'idle-timeout' })
  })
})

describe('a tap', () => {
  it('sees the bytes of each direction before they are passed on', async () => {
    const seen = { up: '', down: '' }
    const tap: TunnelOptions['tap'] = (direction, data) => {
      seen[direction] += data
    }
    const { client, upstream, ended } = await start({ tap })
    client.end('question')
    expect(String(await read(upstream))).toBe('question')
    upstream.end('answer')
    expect(String(await read(client))).toBe('answer')
    expect(await ended).toEqual({ reason: 'ended' })
    expect(seen).toEqual({ up: 'question', down: 'answer' })
  })

  it('ends the tunnel when it throws, and the chunk is not passed on', async () => {
    const error = new Error('no more')
    const tap = () => {
      throw error
    }
    const { client, upstream, ended } = await start({ tap })
    const received = read(upstream)
    client.write('question')
    expect(await ended).toEqual({ reason: 'closed', error })
    expect((await received).length).toBe(0)
  })
})

it('leaves no timer and no listener behind', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { client, upstream, signal, ended } = await start({ idleTimeout: 1000 })
  expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([1, 1])
  client.resume().end()
  upstream.resume().end()
  expect(await ended).toEqual({ reason: 'ended' })
  expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([0, 0])
})

it.each([
  ['client-error', 0],
  ['upstream-error', 1],
] as const)('ends with %s when that socket is destroyed', async (reason, index) => {
  const { client, upstream, near, ended } = await start()
  const endings = Promise.all([ending(client), ending(upstream)])
  ;[near.client, near.upstream][index]?.near.destroy()
  expect(await ended).toEqual({ reason })
  await endings
})

it.each([
  ['client-error', 0],
  ['upstream-error', 1],
] as const)('ends with %s when that socket was destroyed before', async (reason, index) => {
  const client = await pair()
  const upstream = await pair()
  const gone = [client, upstream][index]?.near
  gone?.destroy()
  if (gone) await once(gone, 'close')
  expect(await tunnel(client.near, upstream.near, options())).toEqual({ reason })
  expect([client.near.closed, upstream.near.closed]).toEqual([true, true])
})

it('ends when both sockets were gone before', async () => {
  const client = await pair()
  const upstream = await pair()
  for (const { near } of [client, upstream]) {
    near.destroy()
    await once(near, 'close')
  }
  expect(await tunnel(client.near, upstream.near, options())).toEqual({ reason: 'client-error' })
})

it.each([false, true])('ends at an abort (before the start: %s)', async (before) => {
  const client = await pair()
  const upstream = await pair()
  const settings = options()
  if (before) settings.controller.abort()
  const running = tunnel(client.near, upstream.near, settings)
  if (!before) settings.controller.abort()
  expect(await running).toEqual({ reason: 'closed' })
})
