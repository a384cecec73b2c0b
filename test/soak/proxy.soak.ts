/** Random conversations through one proxy for SECONDS, in all weathers: every byte accounted for, nothing left behind. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { type DnsServer, startDnsServer } from '../support/dns-server.js'
import { type LogLine, type ProxyProcess, startProxyProcess } from '../support/proxy-process.js'
import { type Conversation, MANNERS } from './conversation.js'
import { type Account, beClient, beUpstream } from './party.js'

const SECONDS = Number(process.env.SECONDS ?? 30)
/** Conversations that begin in a second: 600 seconds make more than 20,000. */
const RATE = 40
const MOST_AT_ONCE = 300
/** Before the measure of memory that the end is held to. */
const WARM_UP_SECONDS = Math.min(60, SECONDS / 3)

const OPEN = 8000
const IMPATIENT = 8001
const NARROW = 8002
const NAMELESS = 8003
/** Comes and goes with the reloads. */
const FLEETING = 8004

interface Spoken {
  readonly port: number
  readonly client: Account
}

const random = (below: number): number => Math.floor(Math.random() * below)

const sizeOf = (): number => 2 + (random(20) === 0 ? random(4 * 1024 * 1024) : random(64 * 1024))

const startUpstreams = async () => {
  const accounts = new Map<number, Account[]>()
  const serve = (socket: net.Socket) => {
    const { remotePort = 0 } = socket
    void beUpstream(socket).then((account) => {
      const before = accounts.get(remotePort)
      if (before) before.push(account)
      else accounts.set(remotePort, [account])
    })
  }
  const listenOn = async (host: string, port: number): Promise<number> => {
    const server = net.createServer({ allowHalfOpen: true }, serve).listen(port, host)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return (server.address() as net.AddressInfo).port
  }
  const port = await listenOn('127.0.0.1', 0)
  await listenOn('127.0.0.2', port)
  return { port, accounts }
}

const configure =
  (upstreamPort: number, dns: string) => (folder: string, fleeting: boolean, narrow: number) => {
    const listener = (port: number, more: object = {}) => ({
      listen: `unix:${folder}:3.${port}`,
      to: `upstream.test:${upstreamPort}`,
      ...more,
    })
    return {
      allowlist: ['upstream.test', 'nowhere.test', '127.0.0.1', '127.0.0.2'].map((address) => ({
        address,
        port: upstreamPort,
      })),
      dns: { servers: [dns] },
      monitor: '127.0.0.1:0',
      listeners: [
        listener(OPEN),
        listener(IMPATIENT, { idleTimeout: '400ms' }),
        listener(NARROW, { maxConnections: narrow, queue: 3, connectTimeout: '1s' }),
        listener(NAMELESS, { to: `nowhere.test:${upstreamPort}` }),
        ...(fleeting ? [listener(FLEETING)] : []),
      ],
    }
  }

/** DNS that changes its mind, and reloads, until it is told to stop. */
const makeWeather = async (
  dns: DnsServer,
  proxy: ProxyProcess,
  config: (fleeting: boolean, narrow: number) => object,
  stop: AbortSignal,
): Promise<number> => {
  const ttl = 1
  let reloads = 0
  while (!stop.aborted) {
    const weather = random(7)
    if (weather === 0) dns.set('upstream.test', 'SERVFAIL')
    else if (weather === 1) dns.set('upstream.test', 'NXDOMAIN')
    else if (weather === 2) dns.set('upstream.test', 'silence')
    else if (weather === 3) dns.set('upstream.test', { A: { addresses: ['127.0.0.2'], ttl: 0 } })
    else if (weather === 4) dns.set('upstream.test', { A: { addresses: ['127.0.0.9', '127.0.0.1'], ttl } })
    else if (weather === 5) dns.set('upstream.test', { A: { addresses: ['127.0.0.1'], ttl } })
    else {
      const reloaded = await proxy.reload(config(random(2) === 0, 1 + random(4)))
      expect(reloaded.msg).toBe('reloaded')
      reloads += 1
    }
    await sleep(500 + random(1_500), undefined, { signal: stop }).catch(() => {})
  }
  return reloads
}

const measure = (pid: number) => ({
  descriptors: readdirSync(`/proc/${pid}/fd`).length,
  /** MiB. */
  memory: Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024,
})

const isOver = (line: LogLine): boolean => line.msg === 'connection'

/** Waits until so many connections have a line, or none has come for a while. */
const settle = async (proxy: ProxyProcess): Promise<readonly LogLine[]> => {
  for (let before = -1; ; await sleep(3_000)) {
    const lines = proxy.log.filter(isOver)
    if (lines.length === before) return lines
    before = lines.length
  }
}

it(`loses no byte and keeps nothing, in ${SECONDS} seconds of everything`, async () => {
  const dns = await startDnsServer()
  dns.set('upstream.test', { A: { addresses: ['127.0.0.1'], ttl: 1 } })
  const upstreams = await startUpstreams()
  const make = configure(upstreams.port, dns.address)
  const proxy = await startProxyProcess((folder) => make(folder, true, 2))
  const stop = new AbortController()
  const weather = makeWeather(dns, proxy, (...args) => make(proxy.folder, ...args), stop.signal)

  const spoken: Spoken[] = []
  const open = new Set<Promise<void>>()
  const converse = async (id: number): Promise<void> => {
    const manner = MANNERS[random(MANNERS.length)] ?? 'request'
    const port =
      manner === 'silent' ? IMPATIENT : [OPEN, OPEN, OPEN, IMPATIENT, NARROW, NAMELESS, FLEETING][random(7)]
    const conversation: Conversation = { id, manner, up: sizeOf(), down: sizeOf() }
    const client = await beClient(proxy.dial(port ?? OPEN), conversation)
    spoken.push({ port: port ?? OPEN, client })
  }

  const start = performance.now()
  let warm = measure(proxy.pid)
  let warming = true
  for (let id = 0; performance.now() - start < SECONDS * 1000; id += 1) {
    if (warming && performance.now() - start > WARM_UP_SECONDS * 1000) {
      warming = false
      await Promise.all(open)
      warm = measure(proxy.pid)
    }
    const one = converse(id).finally(() => open.delete(one))
    open.add(one)
    const due = start + (id * 1000) / RATE - performance.now()
    if (due > 0) await sleep(due)
    if (open.size >= MOST_AT_ONCE) await Promise.race(open)
  }
  await Promise.all(open)
  stop.abort()
  const reloads = await weather
  const lines = await settle(proxy)

  const byLocalPort = new Map<number, LogLine[]>()
  for (const line of lines) {
    if (typeof line.localPort !== 'number') continue
    const before = byLocalPort.get(line.localPort)
    if (before) before.push(line)
    else byLocalPort.set(line.localPort, [line])
  }
  /** What the proxy wrote of a conversation, and what the server saw of it. */
  const seen = new Map<number, { line: LogLine; upstream: Account }>()
  for (const [port, accounts] of upstreams.accounts) {
    // A connection that came just after the deadline carried nothing, and its line knows no port.
    const heard = accounts.filter(({ received }) => received > 0)
    const written = (byLocalPort.get(port) ?? []).filter(({ bytesUp }) => bytesUp !== 0)
    expect(written.length, `lines for port ${port}`).toBe(heard.length)
    for (const [index, upstream] of heard.entries()) {
      const line = written[index]
      if (line && upstream.conversation) seen.set(upstream.conversation.id, { line, upstream })
    }
  }

  const tally: Record<string, number> = {}
  let bytes = 0
  for (const { port, client } of spoken) {
    const { id, manner, up, down } = client.conversation as Conversation
    const both = seen.get(id)
    const about = JSON.stringify({ port, client, ...both })
    expect(client.wrong || both?.upstream.wrong, about).toBeFalsy()
    const { line, upstream } = both ?? {}
    // Whatever is not whole has another reason, or its client broke it off.
    if (line && upstream && line.reason === 'ended') {
      expect(upstream.received, about).toBe(line.bytesUp)
      expect(upstream.sent, about).toBe(line.bytesDown)
      if (manner !== 'client-reset') {
        expect([client.sent, client.received], about).toEqual([line.bytesUp, line.bytesDown])
        expect([client.received, upstream.received], about).toEqual([down, up + 128])
      }
      bytes += Number(line.bytesUp) + Number(line.bytesDown)
    }
    const reason = String(line?.reason ?? 'not connected')
    tally[reason] = (tally[reason] ?? 0) + 1
  }
  // Every connection has its line; only those that knocked while the fleeting listener closed have none.
  const steady = (all: readonly { port: number }[]) => all.filter(({ port }) => port !== FLEETING).length
  const listenerPort = (line: LogLine) => ({ port: Number(/(\d+)$/.exec(String(line.listener))?.[1]) })
  expect(steady(lines.map(listenerPort))).toBe(steady(spoken))
  expect(lines.length).toBeLessThanOrEqual(spoken.length)

  const after = measure(proxy.pid)
  process.stdout.write(
    `${spoken.length} conversations, ${(bytes / 1024 ** 2).toFixed(0)} MiB, ${reloads} reloads; ${JSON.stringify(tally)}\n` +
      `descriptors ${warm.descriptors} then ${after.descriptors}, memory ${warm.memory.toFixed(0)} MiB then ${after.memory.toFixed(0)} MiB\n`,
  )
  expect(tally.ended).toBeGreaterThan(spoken.length / 4)
  for (const reason of ['client-error', 'upstream-error', 'idle-timeout']) {
    expect(tally[reason], reason).toBeGreaterThan(0)
  }
  expect(after.descriptors).toBeLessThanOrEqual(warm.descriptors + 2)
  expect(after.memory).toBeLessThan(warm.memory * 1.3 + 16)
  proxy.signal('SIGTERM')
  expect(await proxy.exited).toBe(0)
  expect(proxy.noise).toEqual([])
})
