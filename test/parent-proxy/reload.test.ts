import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type net from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConnectionSummary } from '../../parent-proxy/connection.js'
import type { ProxyEvent } from '../../parent-proxy/observer.js'
import type { ProxyOptions, TunnelListenerOptions } from '../../parent-proxy/options.js'
import { startProxy } from '../../parent-proxy/proxy.js'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { directory, ending, read, startUpstream, until } from './rig.js'

const echo = (socket: net.Socket) => void socket.pipe(socket)
const allowlist = [
  { address: 'kms.test', port: 443 },
  { address: 'sts.test', port: 443 },
]

/** kms.test answers with `kms`, sts.test with `sts`: a name a listener. */
const startNamed = async (ports: readonly number[]) => {
  const folder = directory()
  const transport = unixTransport(folder)
  const answering = (name: string) =>
    startUpstream((socket) => {
      socket.write(`${name} `)
      echo(socket)
    })
  const upstreams = { 'kms.test': await answering('kms'), 'sts.test': await answering('sts') }
  const listener = (port: number, more: Partial<TunnelListenerOptions> = {}): TunnelListenerOptions => ({
    listen: { cid: 3, port, transport },
    to: { host: 'kms.test', port: 443 },
    ...more,
  })
  const options = (listeners: readonly TunnelListenerOptions[], more: Partial<ProxyOptions> = {}) => ({
    allowlist,
    listeners,
    ...more,
  })
  const summaries: ConnectionSummary[] = []
  const events: ProxyEvent[] = []
  const proxy = await startProxy(options(ports.map((port) => listener(port))), {
    resolver: async (host) => [upstreams[host as keyof typeof upstreams].endpoint],
    observer: {
      onConnection: (summary) => summaries.push(summary),
      onEvent: (event) => events.push(event),
    },
  })
  onTestFinished(() => proxy.close())
  const dial = (port: number) => {
    const socket = connect({ cid: 3, port, transport, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    return socket
  }
  const exchange = async (port: number) => {
    const client = dial(port)
    client.end('ping')
    return String(await read(client))
  }
  const listens = (port: number) => existsSync(join(folder, `3.${port}`))
  return { proxy, listener, options, dial, exchange, listens, summaries, events, transport }
}

const hold = async (client: net.Socket): Promise<net.Socket> => {
  client.write('held')
  await once(client, 'data')
  return client
}

describe('reload()', () => {
  it('begins new listeners and ends those that are gone, with their last connection', async () => {
    const { proxy, listener, options, dial, exchange, listens, events } = await startNamed([8000])
    const held = await hold(dial(8000))
    await proxy.reload(options([listener(8001)]))
    expect(await exchange(8001)).toBe('kms ping')
    expect([listens(8000), listens(8001)]).toEqual([false, true])
    expect(proxy.listeners).toMatchObject([
      { name: 'vsock:3:8001', draining: false },
      { name: 'vsock:3:8000', draining: true, open: 1 },
    ])
    held.end(' on')
    expect(String(await read(held))).toMatch(/ on$/)
    await until(() => proxy.listeners.length === 1)
    expect(events).toMatchObject([
      { type: 'listening', listener: 'vsock:3:8000', to: 'kms.test:443' },
      { type: 'stopped', listener: 'vsock:3:8000' },
      { type: 'listening', listener: 'vsock:3:8001' },
    ])
    expect(proxy).toMatchObject({ bytesUp: 11, bytesDown: 19 })
  })

  it('keeps a listener that stays, and leads its new connections to what is new', async () => {
    const { proxy, listener, options, dial, exchange, summaries } = await startNamed([8000])
    const held = await hold(dial(8000))
    await proxy.reload(options([listener(8000, { to: { host: 'sts.test', port: 443 } })]))
    expect(await exchange(8000)).toBe('sts ping')
    held.end('!')
    expect(String(await read(held))).toMatch(/!$/)
    await until(() => summaries.length === 2)
    expect(summaries.map(({ to }) => to)).toEqual(['sts.test:443', 'kms.test:443'])
    expect(proxy.listeners).toMatchObject([{ accepted: 2 }])
  })

  it('takes new limits', async () => {
    const { proxy, listener, options, dial, exchange, summaries } = await startNamed([8000])
    await hold(dial(8000))
    await proxy.reload(options([listener(8000, { maxConnections: 1, queue: 0 })]))
    await ending(dial(8000))
    expect(summaries).toMatchObject([{ reason: 'queue-full' }])
    await proxy.reload(options([listener(8000)], { maxConnections: 1 }))
    const waiting = exchange(8000)
    await until(() => proxy.listeners[0]?.waiting === 1)
    await proxy.reload(options([listener(8000)]))
    expect(await waiting).toBe('kms ping')
  })

  it.each([
    ['a target that is not allowed', { to: { host: 'evil.test', port: 443 } }],
    ['a limit that is none', { maxConnections: 0 }],
  ])('changes nothing for %s', async (_, wrong) => {
    const { proxy, listener, options, exchange, listens } = await startNamed([8000])
    await expect(proxy.reload(options([listener(8001), listener(8002, wrong)]))).rejects.toMatchObject({
      code: 'ERR_PROXY_CONFIG',
    })
    expect([8000, 8001, 8002].map(listens)).toEqual([true, false, false])
    expect(await exchange(8000)).toBe('kms ping')
  })

  it('changes nothing where one listener cannot listen', async () => {
    const { proxy, listener, options, exchange, listens } = await startNamed([8000])
    const other = await startNamed([8002])
    const taken = { ...listener(8002), listen: { cid: 3, port: 8002, transport: other.transport } }
    await expect(proxy.reload(options([listener(8001), taken]))).rejects.toMatchObject({
      code: 'ERR_PROXY_LISTEN',
      message: expect.stringContaining('vsock:3:8002'),
    })
    expect([8000, 8001].map(listens)).toEqual([true, false])
    expect(await exchange(8000)).toBe('kms ping')
    expect(await other.exchange(8002)).toBe('kms ping')
  })

  it('goes on with the account of a listener that comes again', async () => {
    const { proxy, listener, options, dial, exchange } = await startNamed([8000])
    const held = await hold(dial(8000))
    await exchange(8000)
    await proxy.reload(options([listener(8001)]))
    await proxy.reload(options([listener(8000)]))
    await exchange(8000)
    const account = { name: 'vsock:3:8000', draining: false, accepted: 3 }
    expect(proxy.listeners).toMatchObject([{ ...account, open: 1, ended: { ended: 2 }, bytesUp: 12 }])
    held.end()
    await until(() => proxy.connections === 0)
    expect(proxy.listeners).toMatchObject([{ ...account, open: 0, ended: { ended: 3 }, bytesUp: 12 }])
    expect(proxy).toMatchObject({ bytesUp: 12 })
  })

  it('takes one after the other', async () => {
    const { proxy, listener, options, listens } = await startNamed([8000])
    await Promise.all([
      proxy.reload(options([listener(8001)])),
      proxy.reload(options([listener(8001), listener(8002)])),
      proxy.reload(options([listener(8002)])),
    ])
    await until(() => !listens(8001))
    expect([8000, 8001, 8002].map(listens)).toEqual([false, false, true])
  })

  it('has no two listeners of one name', async () => {
    const { proxy, listener, options } = await startNamed([8000])
    const twice = options([listener(8001), listener(8001)])
    await expect(proxy.reload(twice)).rejects.toMatchObject({ code: 'ERR_PROXY_CONFIG' })
  })

  it('comes too late for a proxy that ends', async () => {
    const { proxy, listener, options, listens } = await startNamed([8000])
    const closing = proxy.close()
    await expect(proxy.reload(options([listener(8001)]))).rejects.toMatchObject({ code: 'ERR_PROXY_CONFIG' })
    await closing
    expect(listens(8001)).toBe(false)
  })
})

describe('drain()', () => {
  it('stops listening, and waits for what is open', async () => {
    const { proxy, dial, listens, summaries } = await startNamed([8000, 8001])
    const held = await hold(dial(8000))
    const drained = proxy.drain(60_000)
    await until(() => !listens(8000) && !listens(8001))
    held.end('!')
    expect(String(await read(held))).toMatch(/!$/)
    expect(await drained).toBe(0)
    expect(summaries).toMatchObject([{ reason: 'ended' }])
  })

  it('cuts what is still open at the deadline', async () => {
    const { proxy, dial, summaries } = await startNamed([8000])
    const endings = [ending(await hold(dial(8000))), ending(await hold(dial(8000)))]
    expect(await proxy.drain(100)).toBe(2)
    await Promise.all(endings)
    expect(summaries.map(({ reason }) => reason)).toEqual(['closed', 'closed'])
  })

  it('waits no longer when close() is called', async () => {
    const { proxy, dial, summaries } = await startNamed([8000])
    const ended = ending(await hold(dial(8000)))
    const drained = proxy.drain(600_000)
    await proxy.close()
    expect(await drained).toBe(1)
    await ended
    expect(summaries).toMatchObject([{ reason: 'closed' }])
  })

  it('waits for listeners that a reload has stopped', async () => {
    const { proxy, listener, options, dial } = await startNamed([8000])
    const held = await hold(dial(8000))
    await proxy.reload(options([listener(8001)]))
    const drained = proxy.drain(600_000)
    expect(await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 100, 'waits'))])).toBe(
      'waits',
    )
    held.end()
    expect(await drained).toBe(0)
  })
})
