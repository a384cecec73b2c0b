import { once } from 'node:events'
import type net from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createAllowlist } from '../../parent-proxy/allowlist.js'
import { type DialLimits, dial } from '../../parent-proxy/dial.js'
import { dnsResolver, type Endpoint, type Resolver } from '../../parent-proxy/resolver.js'
import { startSilentListener, startStuckListener } from '../shared/vsock/stuck-listener.js'
import { startDnsServer } from '../support/dns-server.js'
import { directory, refusing, startUpstream, until } from './rig.js'

const target = { host: 'kms.test', port: 443 }
const echo = (socket: net.Socket) => void socket.pipe(socket)

const start = (upstream: readonly Endpoint[] | Resolver, limits: Partial<DialLimits> = {}) => {
  const resolver = typeof upstream === 'function' ? upstream : async () => upstream
  const { signal = new AbortController().signal } = limits
  return dial(resolver, target, { timeout: 20_000, ...limits, signal })
}

/** The answer to `ping`, over a socket that dial() gave. */
const ping = async (dialled: Promise<net.Socket>): Promise<string> => {
  const socket = await dialled
  onTestFinished(() => void socket.destroy())
  socket.end('ping')
  const [data]: Buffer[] = await once(socket, 'data')
  return String(data)
}

const connecting = () =>
  process.getActiveResourcesInfo().filter((one) => /TCPConnect|TCPSocket/.test(one)).length

const portOf = (endpoint: Endpoint): number => ('port' in endpoint ? endpoint.port : 0)

describe('of several endpoints', () => {
  it('a silent one does not keep the next one waiting, and is left once that has answered', async () => {
    const silent = await startSilentListener()
    const upstream = await startUpstream((socket) => socket.end('hello'), 'tcp')
    const before = connecting()
    const socket = await start([silent, silent, upstream.endpoint])
    expect(socket.remotePort).toBe(portOf(upstream.endpoint))
    socket.destroy()
    await until(() => connecting() <= before)
  })

  it('the next is tried at once when one fails, and each of them is tried', async () => {
    const refused = await refusing()
    const upstream = await startUpstream(echo, 'tcp')
    // 100 attempts by the clock alone would take 25 s.
    const endpoints = [...Array.from({ length: 100 }, () => refused), upstream.endpoint]
    expect(await ping(start(endpoints, { timeout: 10_000 }))).toBe('ping')
  })

  it('the first gets the connection when it answers', async () => {
    const [first, second] = [await startUpstream(echo, 'tcp'), await startUpstream(echo, 'tcp')]
    const socket = await start([first.endpoint, second.endpoint])
    expect(socket.remotePort).toBe(portOf(first.endpoint))
    socket.destroy()
    expect(second.sockets.size).toBe(0)
  })

  it('a name has one that answers', async () => {
    const { endpoint } = await startUpstream(echo, 'tcp')
    const dns = await startDnsServer()
    // Nothing listens at the first two.
    dns.set('kms.test', {
      A: { addresses: ['127.0.0.2', '127.0.0.1'] },
      AAAA: { addresses: ['100::1'] },
    })
    const resolver = dnsResolver({ servers: [dns.address], hostsFile: join(directory(), 'none') })
    expect(await ping(start((host) => resolver(host, portOf(endpoint))))).toBe('ping')
  })

  it('all have failed: the error is that of the last one', async () => {
    const endpoints = [await refusing(), { path: join(directory(), 'none') }]
    await expect(start(endpoints)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(start(endpoints.toReversed())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

it('gives a socket that may be half open, and survives an error that nobody hears', async () => {
  const upstream = await startUpstream((socket) => socket.end('bye'), 'tcp')
  const socket = await start([upstream.endpoint])
  socket.resume()
  await once(socket, 'end')
  expect(socket.writable).toBe(true)
  socket.destroy(new Error('nobody hears'))
  await new Promise((resolve) => socket.once('close', resolve))
})

describe('the deadline', () => {
  it('holds for the name', async () => {
    await expect(start(() => new Promise(() => {}), { timeout: 50 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: 'kms.test:443 was not resolved within 50 ms',
    })
  })

  it('holds for the connection', async () => {
    const silent = await startSilentListener()
    const before = connecting()
    await expect(start([silent, silent], { timeout: 300 })).rejects.toMatchObject({
      name: 'OperationError',
      code: 'ETIMEDOUT',
      message: 'no connection to kms.test:443 within 300 ms',
    })
    await until(() => connecting() <= before)
  })

  it('tells what failed before', async () => {
    const silent = await startSilentListener()
    await expect(start([await refusing(), silent], { timeout: 300 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: expect.stringMatching(/last failure: connect ECONNREFUSED 127\.0\.0\.1/),
    })
  })

  it('is one for both', async () => {
    const upstream = await startUpstream(echo, 'tcp')
    let resolve: (endpoints: readonly Endpoint[]) => void = () => {}
    const late = () =>
      new Promise<readonly Endpoint[]>((settle) => {
        resolve = settle
      })
    const accepted = vi.fn()
    upstream.server.on('connection', accepted)
    await expect(start(late, { timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    resolve([upstream.endpoint])
    expect(await ping(start([upstream.endpoint]))).toBe('ping')
    expect(accepted).toHaveBeenCalledTimes(1)
  })
})

describe('an abort', () => {
  it.each(['before', 'while it resolves', 'while it connects'])('ends it: %s', async (when) => {
    const silent = when === 'while it connects' ? await startSilentListener() : await refusing()
    const before = connecting()
    const controller = new AbortController()
    if (when === 'before') controller.abort()
    const resolver = vi.fn(async () =>
      when === 'while it resolves' ? new Promise<never>(() => {}) : [silent],
    )
    const dialled = start(resolver, { signal: controller.signal })
    const outcome = expect(dialled).rejects.toMatchObject({ name: 'AbortError' })
    if (when === 'while it connects') await until(() => connecting() > before)
    controller.abort()
    await outcome
    await until(() => connecting() <= before)
  })

  it('of a dial that is over leaves its socket alone', async () => {
    const upstream = await startUpstream(echo, 'tcp')
    const controller = new AbortController()
    const socket = await start([upstream.endpoint], { signal: controller.signal })
    controller.abort()
    expect(await ping(Promise.resolve(socket))).toBe('ping')
  })
})

describe('a resolver', () => {
  it.each([
    ['that fails', () => Promise.reject(new Error('broken')), /broken/],
    [
      'that throws',
      () => {
        throw new Error('broken')
      },
      /broken/,
    ],
    ['that knows nothing', async () => [], /no endpoint of kms\.test:443/],
    ['that gives a name', async () => [{ address: 'localhost', port: 1 }], /no IP address: localhost/],
  ])('%s is the end of one attempt', async (_, resolver, message) => {
    await expect(start(resolver, { permits: () => false })).rejects.toThrow(message)
  })
})

describe('an address that the allowlist does not permit', () => {
  const { permits } = createAllowlist([{ address: 'kms.test', port: 443 }])

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', 'fe80::1%lo'])(
    'is not dialled: %s',
    async (address) => {
      const port = portOf((await startUpstream(echo, 'tcp')).endpoint)
      const error = { name: 'OperationError', code: 'ERR_PROXY_ADDRESS' }
      const dialled = start([{ address, port }], { permits })
      await expect(dialled).rejects.toMatchObject(error)
      await expect(dialled).rejects.toThrow(/kms\.test:443 leads to .*allowlist names that very address/)
      await expect(dialled).rejects.toThrow(address)
    },
  )

  it('is not dialled when DNS comes to name it', async () => {
    const upstream = await startUpstream(echo, 'tcp')
    const dns = await startDnsServer()
    dns.set('kms.test', { A: { addresses: ['127.0.0.1'], ttl: 0 } })
    const resolver = dnsResolver({ servers: [dns.address], hostsFile: join(directory(), 'none') })
    const rebinding: Resolver = (host) => resolver(host, portOf(upstream.endpoint))
    await expect(start(rebinding, { permits })).rejects.toMatchObject({ code: 'ERR_PROXY_ADDRESS' })
    expect(upstream.sockets.size).toBe(0)
  })

  it('is passed over for another one', async () => {
    const [first, second] = [await startUpstream(echo, 'tcp'), await startUpstream(echo, 'tcp')]
    const allowed = createAllowlist([{ address: '127.0.0.1', port: portOf(second.endpoint) }])
    const socket = await start([first.endpoint, second.endpoint], { permits: allowed.permits })
    expect(socket.remotePort).toBe(portOf(second.endpoint))
    socket.destroy()
  })

  it('is no matter of Unix sockets', async () => {
    const upstream = await startUpstream(echo)
    expect(await ping(start([upstream.endpoint], { permits: () => false }))).toBe('ping')
  })
})

describe('a Unix listener without room', () => {
  it('is tried until it has room', async () => {
    const path = join(directory(), 'stuck')
    const { wake } = await startStuckListener(path)
    const answer = ping(start([{ path }]))
    setTimeout(wake, 50)
    expect(await answer).toBe('ping')
  })

  it('is left for the next endpoint, and given up at the deadline', async () => {
    const path = join(directory(), 'stuck')
    await startStuckListener(path)
    const upstream = await startUpstream(echo)
    expect(await ping(start([{ path }, upstream.endpoint]))).toBe('ping')
    await expect(start([{ path }], { timeout: 100 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: expect.stringMatching(/last failure: connect EAGAIN/),
    })
  })
})
