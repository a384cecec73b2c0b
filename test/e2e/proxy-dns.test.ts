/** Names behind the proxy that move, vanish and lie, with a real DNS server. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ending, read, until } from '../parent-proxy/rig.js'
import { type DnsServer, type Reply, startDnsServer } from '../support/dns-server.js'
import { type ProxyProcess, startProxyProcess } from '../support/proxy-process.js'

const SERVED = ['127.0.0.1', '127.0.0.2']
/** Allowed, and nobody listens there. */
const DEAD = '127.0.0.4'
/** Where a server is, too, and the proxy must not go. */
const FORBIDDEN = '127.0.0.3'

interface Upstreams {
  readonly port: number
  /** Connections to each address. */
  readonly accepted: Map<string, number>
}

const listenAt = async (address: string, port: number, accepted: Map<string, number>) => {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    accepted.set(address, (accepted.get(address) ?? 0) + 1)
    socket.on('error', () => undefined)
    socket.write(`${address} `)
    socket.pipe(socket)
  })
  server.listen(port, address)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as net.AddressInfo).port
}

/** Each says its address, then what it is told; all on one port. */
const startUpstreams = async (): Promise<Upstreams> => {
  for (let attempt = 1; ; attempt += 1) {
    const accepted = new Map<string, number>()
    try {
      const port = await listenAt(FORBIDDEN, 0, accepted)
      for (const address of SERVED) await listenAt(address, port, accepted)
      return { port, accepted }
    } catch (error) {
      // Another program has that port at one of the addresses.
      if (attempt === 10) throw error
    }
  }
}

interface Rig extends Upstreams {
  readonly dns: DnsServer
  readonly proxy: ProxyProcess
  /** To that name: what its server says before it ends. */
  exchange(name: string): Promise<string>
  /** One to that name, and open. */
  dial(name: string): net.Socket
}

type Replies = Parameters<DnsServer['set']>[1]

/** A listener for each name. */
const setUp = async (names: Readonly<Record<string, Replies>>): Promise<Rig> => {
  const upstreams = await startUpstreams()
  const { port } = upstreams
  const dns = await startDnsServer()
  const hosts = Object.keys(names)
  for (const [host, replies] of Object.entries(names)) dns.set(host, replies)
  const proxy = await startProxyProcess((folder) => ({
    allowlist: [...hosts, ...SERVED, DEAD].map((address) => ({ address, port })),
    listeners: hosts.map((host, index) => ({
      listen: `unix:${folder}:${8000 + index}`,
      to: `${host}:${port}`,
    })),
    dns: { servers: [dns.address] },
  }))
  const dial = (host: string) => proxy.dial(8000 + hosts.indexOf(host))
  const exchange = async (host: string) => {
    const client = dial(host)
    client.end('ping')
    return String(await read(client))
  }
  return { ...upstreams, dns, proxy, dial, exchange }
}

/** TTL in seconds: with 0, DNS is asked for each connection. */
const a = (addresses: readonly string[], ttl = 0): { A: Reply } => ({ A: { addresses, ttl } })
const FIRST = a(['127.0.0.1'])
const SECOND = a(['127.0.0.2'])

const hold = async (client: net.Socket, greeting: string): Promise<net.Socket> => {
  await until(() => client.bytesRead === greeting.length)
  return client
}

describe('a name that moves', () => {
  it('is followed by the next connection where its TTL is 0, and by no open one', async () => {
    const { dns, proxy, dial, exchange } = await setUp({ 'kms.test': FIRST })
    const held = await hold(dial('kms.test'), '127.0.0.1 ')
    dns.set('kms.test', SECOND)
    expect(await exchange('kms.test')).toBe('127.0.0.2 ping')
    expect(await proxy.line('connection')).toMatchObject({ address: '127.0.0.2', reason: 'ended' })
    dns.set('kms.test', FIRST)
    expect(await exchange('kms.test')).toBe('127.0.0.1 ping')
    held.end('held')
    expect(String(await read(held))).toBe('127.0.0.1 held')
  })

  it('is followed when its TTL is over, not before', async () => {
    const { dns, exchange } = await setUp({ 'kms.test': a(['127.0.0.1'], 1) })
    expect(await exchange('kms.test')).toBe('127.0.0.1 ping')
    dns.set('kms.test', a(['127.0.0.2'], 3_600))
    while ((await exchange('kms.test')) !== '127.0.0.2 ping') await sleep(20)
    dns.set('kms.test', FIRST)
    expect(await exchange('kms.test')).toBe('127.0.0.2 ping')
  })

  it('is reached at its other address where nobody listens at the first', async () => {
    const { proxy, exchange } = await setUp({ 'kms.test': a([DEAD, '127.0.0.2']) })
    expect(await exchange('kms.test')).toBe('127.0.0.2 ping')
    expect(await proxy.line('connection')).toMatchObject({ address: '127.0.0.2' })
  })
})

describe('while DNS fails', () => {
  it('by an answer that is none, the last good one serves', async () => {
    const failures = { 'nx.test': 'NXDOMAIN', 'fail.test': 'SERVFAIL', 'refused.test': 'REFUSED' } as const
    const hosts = Object.keys(failures)
    const { dns, proxy, exchange } = await setUp(Object.fromEntries(hosts.map((host) => [host, FIRST])))
    for (const host of hosts) expect(await exchange(host)).toBe('127.0.0.1 ping')
    for (const [host, reply] of Object.entries(failures)) dns.set(host, reply)
    for (const host of [...hosts, ...hosts]) expect(await exchange(host)).toBe('127.0.0.1 ping')
    const warnings = () => hosts.map((host) => proxy.log.find((line) => line.host === host))
    await until(() => !warnings().includes(undefined))
    const warning = {
      level: 'warn',
      msg: 'name not resolved: the last good answer serves',
      code: 'ERR_PROXY_DNS',
    }
    expect(warnings()).toMatchObject(hosts.map((host) => ({ ...warning, host })))
  })

  it('by silence, the last good answer serves, and the next one when it comes', async () => {
    const { dns, exchange } = await setUp({ 'kms.test': FIRST, 'other.test': SECOND })
    expect(await exchange('kms.test')).toBe('127.0.0.1 ping')
    dns.set('kms.test', 'silence')
    const all = Array.from({ length: 20 }, () => exchange('kms.test'))
    expect(await exchange('other.test')).toBe('127.0.0.2 ping')
    expect(new Set(await Promise.all(all))).toEqual(new Set(['127.0.0.1 ping']))
    dns.set('kms.test', SECOND)
    while ((await exchange('kms.test')) !== '127.0.0.2 ping') await sleep(20)
  })
})

describe('a name that is unknown at the start', () => {
  it('is a warning, and works as soon as it is known', async () => {
    const { dns, proxy, dial, exchange } = await setUp({ 'kms.test': 'NXDOMAIN', 'other.test': SECOND })
    expect(await proxy.line('name not resolved')).toMatchObject({
      level: 'warn',
      msg: 'name not resolved: its connections fail until it can be resolved',
      host: 'kms.test',
      error: 'kms.test was not resolved: no such name (ENOTFOUND)',
      code: 'ERR_PROXY_DNS',
    })
    await ending(dial('kms.test'))
    const failed = { level: 'warn', reason: 'connect-failed', code: 'ERR_PROXY_DNS' }
    expect(await proxy.line('connection')).toMatchObject(failed)
    expect(await exchange('other.test')).toBe('127.0.0.2 ping')
    dns.set('kms.test', FIRST)
    while ((await exchange('kms.test').catch(() => '')) !== '127.0.0.1 ping') await sleep(20)
  })

  it('because DNS is silent, holds up its own connections only, until it speaks', async () => {
    const { dns, exchange } = await setUp({ 'kms.test': 'silence', 'other.test': SECOND })
    const waiting = exchange('kms.test')
    expect(await exchange('other.test')).toBe('127.0.0.2 ping')
    dns.set('kms.test', FIRST)
    expect(await waiting).toBe('127.0.0.1 ping')
  })
})

describe('a name that leads', () => {
  it('to this machine or its metadata is refused, unless listed; the other listener goes on', async () => {
    const places: Readonly<Record<string, Replies>> = {
      'loopback.test': a([FORBIDDEN]),
      'mapped.test': { AAAA: { addresses: [`::ffff:${FORBIDDEN}`], ttl: 0 } },
      'any.test': { A: { addresses: ['0.0.0.0'], ttl: 0 }, AAAA: { addresses: ['::'], ttl: 0 } },
      'metadata.test': a(['169.254.169.254']),
      'metadata6.test': { AAAA: { addresses: ['fd00:ec2::254'], ttl: 0 } },
    }
    const hosts = Object.keys(places)
    const names = Object.fromEntries([...hosts, 'other.test'].map((host) => [host, SECOND]))
    const { dns, proxy, dial, exchange, accepted, port } = await setUp(names)
    const held = await hold(dial('other.test'), '127.0.0.2 ')
    for (const host of hosts) expect(await exchange(host)).toBe('127.0.0.2 ping')
    // Bound anew.
    for (const [host, replies] of Object.entries(places)) dns.set(host, replies)
    for (const host of hosts) await ending(dial(host))
    const lines = () => proxy.log.filter((line) => line.reason === 'connect-failed')
    await until(() => lines().length === hosts.length)
    const refused = {
      level: 'warn',
      code: 'ERR_PROXY_ADDRESS',
      error: expect.stringMatching(/dialled only if the allowlist names that very address and port$/),
      bytesUp: 0,
      bytesDown: 0,
    }
    expect(lines()).toMatchObject(hosts.map((host) => ({ ...refused, to: `${host}:${port}` })))
    expect(lines().filter((line) => 'address' in line)).toEqual([])
    expect(accepted.get(FORBIDDEN)).toBeUndefined()
    held.end('held')
    expect(String(await read(held))).toBe('127.0.0.2 held')
    expect(await exchange('other.test')).toBe('127.0.0.2 ping')
    dns.set('loopback.test', FIRST)
    expect(await exchange('loopback.test')).toBe('127.0.0.1 ping')
  })

  it('to such an address and to one that is listed, is reached at the latter', async () => {
    const { exchange, accepted } = await setUp({ 'kms.test': a([FORBIDDEN, '169.254.169.254', '127.0.0.1']) })
    for (let count = 0; count < 3; count += 1) expect(await exchange('kms.test')).toBe('127.0.0.1 ping')
    expect(accepted.get(FORBIDDEN)).toBeUndefined()
  })
})
