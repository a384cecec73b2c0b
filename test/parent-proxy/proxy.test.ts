import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type net from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ConnectionSummary } from '../../parent-proxy/connection.js'
import type { ProxyEvent } from '../../parent-proxy/observer.js'
import type { ProxyOptions, TunnelListenerOptions } from '../../parent-proxy/options.js'
import { startProxy } from '../../parent-proxy/proxy.js'
import type { TapRecord } from '../../parent-proxy/tunnel-route.js'
import { unixTransport, type VsockTransport } from '../../shared/vsock/index.js'
import { startSilentListener, startStuckListener } from '../shared/vsock/stuck-listener.js'
import {
  directory,
  ending,
  flood,
  read,
  refusing,
  startRig,
  startUpstream,
  tcpTransport,
  until,
} from './rig.js'

const MiB = 1024 * 1024
const echo = (socket: net.Socket) => void socket.pipe(socket)
const never = () => new Promise<never>(() => {})

describe.each(['unix', 'tcp'] as const)('to a %s upstream', (kind) => {
  it('carries bytes both ways and counts them', async () => {
    const upstream = await startUpstream(async (socket) => socket.end(`${await read(socket)}, hello`), kind)
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping, hello')
    expect(await rig.summary()).toEqual({
      listener: 'vsock:3:8000',
      connection: 1,
      to: 'kms.test:443',
      ...(kind === 'tcp' && { address: '127.0.0.1', localPort: expect.any(Number) }),
      bytesUp: 4,
      bytesDown: 11,
      duration: expect.any(Number),
      reason: 'ended',
    })
    expect(rig.proxy).toMatchObject({ bytesUp: 4, bytesDown: 11, connections: 0 })
  })

  it('passes on the end of the upstream side, and goes on sending up', async () => {
    let received: Promise<Buffer> | undefined
    const upstream = await startUpstream((socket) => {
      received = read(socket)
      socket.end('bye')
    }, kind)
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    expect(String(await read(client))).toBe('bye')
    client.end('still here')
    expect(await rig.summary()).toMatchObject({ reason: 'ended', bytesUp: 10, bytesDown: 3 })
    expect(String(await received)).toBe('still here')
  })

  it('carries 16 MiB both ways at once, intact', async () => {
    const down = randomBytes(16 * MiB)
    const up = randomBytes(16 * MiB)
    let received: Promise<Buffer> | undefined
    const upstream = await startUpstream((socket) => {
      received = read(socket)
      socket.end(down)
    }, kind)
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    client.end(up)
    expect((await read(client)).equals(down)).toBe(true)
    await rig.summary()
    expect((await received)?.equals(up)).toBe(true)
  })
})

it('carries 300 connections at once, each with its own bytes', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint])
  const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex')
  const exchange = async () => {
    const data = randomBytes(100_000)
    const client = rig.dial()
    client.end(data)
    expect(digest(await read(client))).toBe(digest(data))
  }
  await Promise.all(Array.from({ length: 300 }, exchange))
  await until(() => rig.summaries.length === 300)
  expect(new Set(rig.summaries.map(({ connection }) => connection)).size).toBe(300)
  expect(
    rig.summaries.every(
      ({ reason, bytesUp, bytesDown }) => reason === 'ended' && bytesUp + bytesDown === 2e5,
    ),
  ).toBe(true)
  expect(rig.proxy).toMatchObject({ connections: 0, bytesUp: 3e7, bytesDown: 3e7 })
})

describe('backpressure', () => {
  // Two kernel buffers of about 208 KiB each and a few chunks; far from the 64 MiB on offer.
  const bound = 2 * MiB

  it('stops reading a client whose upstream stalls, and loses nothing', async () => {
    const upstream = await startUpstream((socket) => void socket.pause())
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    const written = await flood(client, 64 * MiB)
    expect(rig.proxy.bytesUp).toBeGreaterThan(0)
    expect(written).toBeLessThan(bound)
    const [accepted] = upstream.sockets
    const received = accepted && read(accepted)
    client.removeAllListeners('drain').end()
    expect((await received)?.length).toBe(written)
  })

  it('stops reading an upstream whose client stalls; the other direction goes on', async () => {
    let written = 0
    let received = 0
    const upstream = await startUpstream(async (socket) => {
      socket.on('data', (data) => {
        received += data.length
      })
      written = await flood(socket, 64 * MiB)
    })
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    client.pause()
    await until(() => written > 0)
    expect(written).toBeLessThan(bound)
    client.write(Buffer.alloc(8 * MiB))
    await until(() => received === 8 * MiB)
  })

  it('reads nothing from a client before the upstream is there', async () => {
    const rig = await startRig(never)
    expect(await flood(rig.dial(), 64 * MiB)).toBeLessThan(bound)
    expect(rig.proxy.bytesUp).toBe(0)
  })
})

describe('a side that breaks', () => {
  const port = 20_000 + (process.pid % 10_000)

  it('resets the client when the upstream resets', async () => {
    const upstream = await startUpstream(
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      'tcp',
    )
    const rig = await startRig([upstream.endpoint], { transport: tcpTransport, port })
    const client = rig.dial()
    client.write('ping')
    expect(await ending(client)).toBe('ECONNRESET')
    expect(await rig.summary()).toMatchObject({
      reason: 'upstream-error',
      error: { code: 'ECONNRESET' },
      bytesUp: 4,
    })
  })

  it('resets the upstream when the client resets', async () => {
    let outcome: Promise<string | undefined> | undefined
    const upstream = await startUpstream((socket) => {
      outcome = ending(socket)
      socket.write('hello')
    }, 'tcp')
    const rig = await startRig([upstream.endpoint], { transport: tcpTransport, port })
    const client = rig.dial()
    await once(client, 'data')
    client.resetAndDestroy()
    expect(await rig.summary()).toMatchObject({ reason: 'client-error', error: { code: 'ECONNRESET' } })
    expect(await outcome).toBe('ECONNRESET')
  })

  it('leaves no connection behind when a client dies in mid-transfer', async () => {
    const upstream = await startUpstream((socket) => void flood(socket, 64 * MiB))
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    await once(client, 'data')
    client.destroy()
    expect(await rig.summary()).toMatchObject({ reason: 'client-error' })
    await until(() => upstream.sockets.size === 0)
    expect(rig.proxy.connections).toBe(0)
  })

  it('leaves no connection behind when the upstream dies in mid-transfer', async () => {
    const upstream = await startUpstream((socket) => socket.once('data', () => socket.destroy()))
    const rig = await startRig([upstream.endpoint])
    const client = rig.dial()
    const ended = ending(client)
    await flood(client, 64 * MiB)
    await ended
    expect(await rig.summary()).toMatchObject({ reason: 'upstream-error' })
    expect(rig.proxy.connections).toBe(0)
  })

  it('cuts a half-open connection that has fallen silent, not one that still moves', async () => {
    const upstream = await startUpstream((socket) => {
      let count = 0
      const timer = setInterval(() => {
        count += 1
        socket.write('.')
        if (count === 10) clearInterval(timer)
      }, 40)
    })
    const rig = await startRig([upstream.endpoint], { halfOpenTimeout: 200 })
    const client = rig.dial()
    client.resume().end()
    expect(await rig.summary()).toMatchObject({ reason: 'half-open-timeout', bytesDown: 10 })
  })
})

describe('an upstream that cannot be reached', () => {
  it('ends the client, with a reset for what it had sent', async () => {
    const rig = await startRig([await refusing(), { path: join(directory(), 'none') }])
    const client = rig.dial()
    client.write('ping')
    expect(await ending(client)).toBe('ECONNRESET')
    expect(await rig.summary()).toMatchObject({
      reason: 'connect-failed',
      error: { code: 'ENOENT' },
      bytesUp: 0,
    })
    expect(rig.proxy.connections).toBe(0)
  })

  it('goes on to the next address', async () => {
    const upstream = await startUpstream(echo)
    const rig = await startRig([await refusing(), upstream.endpoint])
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')
  })

  it('asks the system for addresses by default', async () => {
    const upstream = await startUpstream(echo, 'tcp')
    const { port } = upstream.server.address() as net.AddressInfo
    const to = { host: 'localhost', port }
    const rig = await startRig([], {
      to,
      allowlist: [
        { address: 'localhost', port },
        { address: '127.0.0.1', port },
        { address: '::1', port },
      ],
      resolver: undefined,
    })
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')
  })

  it.each([
    [
      'rejects',
      () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
      /no such name/,
    ],
    [
      'throws',
      () => {
        throw new Error('broken')
      },
      /broken/,
    ],
    ['knows no address', async () => [], /no endpoint/],
    ['gives a name', async () => [{ address: 'localhost', port: 1 }], /no IP address/],
  ])('survives a resolver that %s', async (_, resolver, message) => {
    const upstream = await startUpstream(echo)
    const resolve = vi.fn(async () => [upstream.endpoint]).mockImplementationOnce(resolver)
    const rig = await startRig(resolve)
    await ending(rig.dial())
    const { reason, error } = await rig.summary()
    expect([reason, error?.message]).toEqual(['connect-failed', expect.stringMatching(message)])
    expect(resolve).toHaveBeenCalledWith('kms.test', 443)
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')
  })

  it('gives up a resolver that is silent', async () => {
    const rig = await startRig(never, { connectTimeout: 100 })
    await ending(rig.dial())
    expect(await rig.summary()).toMatchObject({ reason: 'connect-failed', error: { code: 'ETIMEDOUT' } })
  })

  it('gives up an upstream that is silent, and goes on to the next', async () => {
    const silent = await startSilentListener()
    const upstream = await startUpstream(echo)
    const rig = await startRig([silent, upstream.endpoint], { connectTimeout: 400 })
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')

    const alone = await startRig([silent], { connectTimeout: 200 })
    await ending(alone.dial())
    expect(await alone.summary()).toMatchObject({ reason: 'connect-failed', error: { code: 'ETIMEDOUT' } })

    const patient = await startRig([silent, silent], { connectTimeout: 100_000 })
    const ended = ending(patient.dial())
    await until(() => patient.proxy.connections === 1)
    await patient.proxy.close()
    await ended
    expect(patient.summaries).toMatchObject([{ reason: 'closed', error: { name: 'AbortError' } }])
  })

  it('survives a client that breaks meanwhile', async () => {
    const unix = unixTransport(directory())
    const listening: VsockTransport['listen'] = async (server, ...rest) => {
      server.on('connection', (socket) => setTimeout(() => socket.destroy(new Error('broken')), 20))
      await unix.listen(server, ...rest)
    }
    const transport = { connect: unix.connect, listen: listening }
    const rig = await startRig(never, { transport, connectTimeout: 200 })
    await ending(rig.dial())
    expect(await rig.summary()).toMatchObject({ reason: 'connect-failed' })
    expect(rig.proxy.connections).toBe(0)
  })

  it('leaves time for the next address when one has no room, and tries until it has', async () => {
    const path = join(directory(), 'stuck')
    const { wake } = await startStuckListener(path)
    const upstream = await startUpstream(echo)
    const both = await startRig([{ path }, upstream.endpoint], { connectTimeout: 1000 })
    const second = both.dial()
    second.end('second')
    expect(String(await read(second))).toBe('second')
    expect((await both.summary()).duration).toBeLessThan(900)

    const alone = await startRig([{ path }])
    const first = alone.dial()
    first.end('first')
    setTimeout(wake, 50)
    expect(String(await read(first))).toBe('first')
  })

  it('reports a listener that never has room', async () => {
    const path = join(directory(), 'stuck')
    await startStuckListener(path)
    const rig = await startRig([{ path }], { connectTimeout: 100 })
    await ending(rig.dial())
    const { reason, duration } = await rig.summary()
    expect(reason).toBe('connect-failed')
    expect(duration).toBeGreaterThan(50)
  })
})

describe('limits', () => {
  it('closes connections beyond maxConnections, and has room again when one ends', async () => {
    const upstream = await startUpstream(echo)
    const rig = await startRig([upstream.endpoint], { maxConnections: 2, queue: 0 })
    const open = [rig.dial(), rig.dial()]
    for (const client of open) {
      client.write('ping')
      await once(client, 'data')
    }
    expect(rig.proxy.connections).toBe(2)
    await ending(rig.dial())
    expect(await rig.summary()).toMatchObject({ connection: 3, reason: 'queue-full', bytesUp: 0 })
    open[0]?.end()
    await rig.summary(1)
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')
  })

  const to = { host: 'kms.test', port: 443 }
  it.each([
    ['another host', { to: { host: 'evil.test', port: 443 } }, /^The given address and port are not allowed/],
    ['another port', { to: { host: 'kms.test', port: 444 } }, /^The given address and port are not allowed/],
    ['a longer name', { to: { host: 'kms.test.evil', port: 443 } }, /not allowed/],
    ['an empty list', { to, allowlist: [] }, /not allowed/],
    ['no host', { to: { host: '', port: 443 }, allowlist: [{ address: '', port: 443 }] }, /host/],
    ['port 0', { to: { host: 'kms.test', port: 0 }, allowlist: [{ address: 'kms.test', port: 0 }] }, /65535/],
    ['port 65536', { to: { host: 'a', port: 65536 }, allowlist: [{ address: 'a', port: 65536 }] }, /65535/],
    ['port 1.5', { to: { host: 'a', port: 1.5 }, allowlist: [{ address: 'a', port: 1.5 }] }, /65535/],
    ['no connections', { maxConnections: 0 }, /maxConnections/],
    ['half a connection', { maxConnections: 1.5 }, /maxConnections/],
    ['a timeout of 0', { connectTimeout: 0 }, /connectTimeout/],
    ['a timeout beyond the timers', { connectTimeout: 2 ** 31 }, /connectTimeout/],
    ['no half-open time', { halfOpenTimeout: -1 }, /halfOpenTimeout/],
  ])('refuses %s', async (_, options, message) => {
    const listening = vi.fn(async () => {})
    const transport: VsockTransport = { connect: () => expect.fail(), listen: listening }
    const { allowlist = [{ address: 'kms.test', port: 443 }], ...listener } = {
      to,
      ...options,
    } as Partial<ProxyOptions> & TunnelListenerOptions
    const listen = { cid: 3, port: 8000, transport }
    const started = startProxy({ allowlist, listeners: [{ ...listener, listen }] })
    const refusal = { name: 'UsageError', code: 'ERR_PROXY_CONFIG', message: expect.stringMatching(message) }
    await expect(started).rejects.toMatchObject(refusal)
    expect(listening).not.toHaveBeenCalled()
  })
})

describe('close()', () => {
  it('ends transfers and waits for them', async () => {
    const upstream = await startUpstream((socket) => void flood(socket, 64 * MiB))
    const rig = await startRig([upstream.endpoint])
    const clients = [rig.dial(), rig.dial(), rig.dial()]
    await Promise.all(clients.map((client) => once(client, 'data')))
    const endings = clients.map(ending)
    const closing = rig.proxy.close()
    expect(rig.proxy.close()).toBe(closing)
    await closing
    expect(rig.proxy.connections).toBe(0)
    expect(rig.summaries.map(({ reason }) => reason)).toEqual(['closed', 'closed', 'closed'])
    await Promise.all(endings)
    await until(() => upstream.sockets.size === 0)
    expect(await ending(rig.dial())).toBe('ENOENT')
  })

  it('does not wait for a resolver', async () => {
    const rig = await startRig(never)
    const ended = ending(rig.dial())
    await until(() => rig.proxy.connections === 1)
    await rig.proxy.close()
    await ended
    expect(rig.summaries).toMatchObject([{ reason: 'closed' }])
  })

  it('may be called by the resolver', async () => {
    let close = () => {}
    const resolver = () => {
      close()
      return never()
    }
    const rig = await startRig(resolver, { connectTimeout: 100_000 })
    const closed = new Promise<void>((resolve) => {
      close = () => resolve(rig.proxy.close())
    })
    await ending(rig.dial())
    await closed
    expect(rig.summaries).toMatchObject([{ reason: 'closed' }])
  })

  it('leaves a connection that was made meanwhile to nobody', async () => {
    const upstream = await startUpstream(echo)
    let resolve: (() => void) | undefined
    const rig = await startRig(
      () =>
        new Promise((done) => {
          resolve = () => done([upstream.endpoint])
        }),
    )
    const ended = ending(rig.dial())
    await until(() => resolve !== undefined)
    resolve?.()
    await rig.proxy.close()
    await ended
    await until(() => upstream.sockets.size === 0)
    expect(rig.summaries).toMatchObject([{ reason: 'closed' }])
  })
})

describe('observers', () => {
  it('lets a tap see the bytes of each connection', async () => {
    const upstream = await startUpstream(async (socket) => socket.end(`${await read(socket)}!`))
    const records: TapRecord[] = []
    const rig = await startRig([upstream.endpoint], { tap: (record) => records.push(record) })
    for (const text of ['one', 'two']) {
      const client = rig.dial()
      client.end(text)
      await read(client)
    }
    expect(records.map(({ connection, direction, data }) => `${connection} ${direction} ${data}`)).toEqual([
      '1 up one',
      '1 down one!',
      '2 up two',
      '2 down two!',
    ])
  })

  it('ends the connection of a tap that throws', async () => {
    const upstream = await startUpstream(echo)
    const tap = () => {
      throw new Error('tap is dry')
    }
    const rig = await startRig([upstream.endpoint], { tap })
    const client = rig.dial()
    client.write('ping')
    await ending(client)
    expect(await rig.summary()).toMatchObject({
      reason: 'closed',
      error: { message: 'tap is dry' },
      bytesDown: 0,
    })
  })

  it('turns what they throw into warnings', async () => {
    const warnings: string[] = []
    const onWarning = (warning: Error) => warnings.push(warning.message)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const upstream = await startUpstream(echo)
    const onConnection = (_: ConnectionSummary) => {
      throw new Error('no account')
    }
    const onEvent = () => {
      throw new Error('no log')
    }
    const rig = await startRig([upstream.endpoint], { observer: { onConnection, onEvent } })
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')
    await until(() => warnings.length === 2)
    expect(warnings).toEqual(['no log', 'no account'])
  })

  it('hear of an accept that failed, and the listener goes on', async () => {
    const upstream = await startUpstream(echo)
    let server: net.Server | undefined
    const unix = unixTransport(directory())
    const transport: VsockTransport = {
      connect: unix.connect,
      listen: (made, ...rest) => {
        server = made
        return unix.listen(made, ...rest)
      },
    }
    const events: ProxyEvent[] = []
    const observer = { onEvent: (event: ProxyEvent) => events.push(event) }
    const rig = await startRig([upstream.endpoint], { transport, observer })
    const error = new Error('accept failed')
    server?.emit('error', error)
    expect(events.at(-1)).toEqual({ type: 'accept-failed', listener: 'vsock:3:8000', error })
    const client = rig.dial()
    client.end('ping')
    expect(String(await read(client))).toBe('ping')
  })
})
