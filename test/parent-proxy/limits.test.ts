import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import type net from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { ConnectionSummary } from '../../parent-proxy/connection.js'
import type { ListenerOptions, ProxyOptions } from '../../parent-proxy/options.js'
import { startProxy } from '../../parent-proxy/proxy.js'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { startSilentListener } from '../shared/vsock/stuck-listener.js'
import { directory, ending, read, startRig, startUpstream, until } from './rig.js'

const echo = (socket: net.Socket) => void socket.pipe(socket)

/** A connection that has been through. */
const settled = async (client: net.Socket): Promise<net.Socket> => {
  client.write('ping')
  await once(client, 'data')
  return client
}

const exchange = async (client: net.Socket): Promise<string> => {
  client.end('ping')
  return String(await read(client))
}

it('lets connections beyond maxConnections wait, and in when there is room', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { maxConnections: 1, queue: 2 })
  const first = await settled(rig.dial())
  const waiting = [exchange(rig.dial()), exchange(rig.dial())]
  await until(() => rig.proxy.listeners[0]?.waiting === 2)
  expect(rig.proxy.connections).toBe(1)
  expect(upstream.sockets.size).toBe(1)
  first.end()
  expect(await Promise.all(waiting)).toEqual(['ping', 'ping'])
  await until(() => rig.summaries.length === 3)
  expect(rig.proxy.listeners).toMatchObject([{ open: 0, waiting: 0, accepted: 3, ended: { ended: 3 } }])
})

it('resets at once, and counts, what finds the queue full', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { maxConnections: 1, queue: 1 })
  await settled(rig.dial())
  const waiting = rig.dial()
  await until(() => rig.proxy.listeners[0]?.waiting === 1)
  const refused = Array.from({ length: 5 }, () => ending(rig.dial()))
  await Promise.all(refused)
  await until(() => rig.proxy.listeners[0]?.ended['queue-full'] === 5)
  expect(rig.summaries.map(({ reason }) => reason)).toEqual(Array(5).fill('queue-full'))
  waiting.destroy()
})

it('ends a connection that has waited as long as connecting may take', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { maxConnections: 1, connectTimeout: 100 })
  const first = await settled(rig.dial())
  await ending(rig.dial())
  expect(await rig.summary()).toMatchObject({ reason: 'queue-timeout', bytesUp: 0 })
  expect(rig.proxy.listeners).toMatchObject([{ open: 1, waiting: 0 }])
  first.end()
  await rig.summary(1)
  expect(await exchange(rig.dial())).toBe('ping')
})

it('leaves no connection waiting when it ends', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { maxConnections: 1 })
  await settled(rig.dial())
  const ended = ending(rig.dial())
  await until(() => rig.proxy.listeners[0]?.waiting === 1)
  await rig.proxy.close()
  await ended
  expect(rig.summaries.map(({ reason }) => reason)).toEqual(['closed', 'closed'])
})

it('refuses a CID that is not in `from`', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { cid: 16, from: [17, 18] })
  await ending(rig.dial())
  expect(await rig.summary()).toMatchObject({ reason: 'cid-refused', cid: 16 })
  expect(upstream.sockets.size).toBe(0)
  const allowed = await startRig([upstream.endpoint], { cid: 17, from: [17, 18] })
  expect(await exchange(allowed.dial())).toBe('ping')
  expect(await allowed.summary()).toMatchObject({ reason: 'ended', cid: 17 })
})

it('refuses a connection whose CID nobody knows where there is a `from`', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { from: [16] })
  await ending(rig.dial())
  expect(await rig.summary()).toMatchObject({ reason: 'cid-refused' })
})

it('spends no more descriptors than there are: one for the listener, two for each connection, one to wait', async () => {
  const upstream = await startUpstream(echo)
  const rig = await startRig([upstream.endpoint], { descriptors: 6 })
  const open = [await settled(rig.dial()), await settled(rig.dial())]
  const waiting = exchange(rig.dial())
  await until(() => rig.proxy.listeners[0]?.waiting === 1)
  await ending(rig.dial())
  expect(await rig.summary()).toMatchObject({ reason: 'queue-full' })
  open[0]?.end()
  expect(await waiting).toBe('ping')
})

/** Addresses that never answer. */
const silentAddresses = async (count: number) => {
  const one = await startSilentListener()
  return Array.from({ length: count }, () => one)
}

/** Three listeners: of CID 16, of CID 16 again, of CID 17. */
const startThree = async (limits: Partial<ProxyOptions>) => {
  const upstream = await startUpstream(echo)
  const folder = directory()
  const transport = unixTransport(folder)
  const listeners: ListenerOptions[] = [16, 16, 17].map((cid, index) => ({
    listen: { cid: 3, port: 8000 + index, transport },
    cid,
    queue: 0,
    to: { host: 'kms.test', port: 443 },
  }))
  const summaries: ConnectionSummary[] = []
  const proxy = await startProxy(
    { allowlist: [{ address: 'kms.test', port: 443 }], listeners, ...limits },
    {
      resolver: async () => [upstream.endpoint],
      observer: { onConnection: (summary) => summaries.push(summary) },
    },
  )
  onTestFinished(() => proxy.close())
  const dial = (index: number) => {
    const socket = connect({ cid: 3, port: 8000 + index, transport, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    return socket
  }
  return { dial, proxy, summaries, folder: join(folder) }
}

it('counts a CID on all listeners together', async () => {
  const { dial, summaries } = await startThree({ maxConnectionsPerCid: 2 })
  const open = [await settled(dial(0)), await settled(dial(1))]
  await ending(dial(1))
  expect(summaries).toMatchObject([{ reason: 'queue-full', cid: 16, listener: 'vsock:3:8001' }])
  await settled(dial(2))
  open[0]?.end()
  await until(() => summaries.length === 2)
  await settled(dial(1))
})

it('counts all listeners together', async () => {
  const { dial, summaries, proxy } = await startThree({ maxConnections: 2 })
  await settled(dial(0))
  await settled(dial(2))
  await ending(dial(1))
  expect(summaries).toMatchObject([{ reason: 'queue-full', listener: 'vsock:3:8001' }])
  expect(proxy.connections).toBe(2)
})

it.skipIf(process.platform !== 'linux')(
  'tries silent addresses beside each other only while descriptors can be spared',
  async () => {
    const silent = await silentAddresses(4)
    const descriptors = () => readdirSync('/proc/self/fd').length
    const start = async (settings: Parameters<typeof startRig>[1]) => {
      const rig = await startRig(silent, settings)
      const before = descriptors()
      rig.dial()
      return { taken: () => descriptors() - before, close: () => rig.proxy.close() }
    }
    // The client's two ends, and the attempts.
    const ample = await start({})
    await until(() => ample.taken() >= 2 + 4)
    await ample.close()
    const scarce = await start({ descriptors: 4 })
    const end = performance.now() + 1_200
    let most = 0
    await until(() => {
      most = Math.max(most, scarce.taken())
      return performance.now() > end
    })
    expect(most).toBeLessThanOrEqual(2 + 2)
  },
)

it('does not begin where listeners leave no descriptors for connections', async () => {
  const upstream = await startUpstream(echo)
  await expect(startRig([upstream.endpoint], { descriptors: 2 })).rejects.toMatchObject({
    code: 'ERR_PROXY_CONFIG',
    message: expect.stringMatching(/LimitNOFILE/),
  })
})
