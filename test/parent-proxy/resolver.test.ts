import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type DnsOptions, dnsResolver } from '../../parent-proxy/resolver.js'
import { type DnsServer, type Reply, startDnsServer } from '../support/dns-server.js'
import { refusal } from '../support/errors.js'
import { directory, until } from './rig.js'

const SECOND = 1_000
const DAY = 86_400 * SECOND

interface Failure {
  readonly host: string
  readonly stale: boolean
  readonly error: Error
}

/** A resolver that asks `server`, with an empty hosts file and a clock that the test moves. */
const setUp = (server: DnsServer, options: DnsOptions = {}) => {
  const clock = { now: 0 }
  const failures: Failure[] = []
  const resolver = dnsResolver({
    servers: [server.address],
    hostsFile: join(directory(), 'none'),
    now: () => clock.now,
    onFailure: (failure) => failures.push(failure),
    ...options,
  })
  const resolve = async (host = 'kms.test'): Promise<string[]> => {
    const endpoints = await resolver(host, 443)
    return endpoints.map((endpoint) => ('address' in endpoint ? endpoint.address : endpoint.path))
  }
  return { resolver, resolve, clock, failures }
}

const a = (...addresses: string[]): { A: Reply } => ({ A: { addresses } })

const bothFamilies = {
  A: { addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] },
  AAAA: { addresses: ['2001:db8::1', '2001:db8::2'] },
}

describe('the addresses of a name', () => {
  it('are its endpoints, with the port', async () => {
    const server = await startDnsServer()
    server.set('kms.test', a('10.0.0.1'))
    expect(await setUp(server).resolver('kms.test', 8443)).toEqual([{ address: '10.0.0.1', port: 8443 }])
  })

  it.each([
    [undefined, ['10.0.0.1', '2001:db8::1', '10.0.0.2', '2001:db8::2', '10.0.0.3'], ['A', 'AAAA']],
    ['ipv4', ['10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::1', '2001:db8::2'], ['A', 'AAAA']],
    ['ipv6', ['2001:db8::1', '2001:db8::2', '10.0.0.1', '10.0.0.2', '10.0.0.3'], ['A', 'AAAA']],
    ['ipv4-only', ['10.0.0.1', '10.0.0.2', '10.0.0.3'], ['A']],
    ['ipv6-only', ['2001:db8::1', '2001:db8::2'], ['AAAA']],
  ] as const)('come in the order that is preferred: %s', async (prefer, expected, asked) => {
    const server = await startDnsServer()
    server.set('kms.test', bothFamilies)
    const { resolve } = setUp(server, prefer && { prefer })
    expect(await resolve()).toEqual(expected)
    expect(server.questions.toSorted()).toEqual(asked.map((kind) => `${kind} kms.test`))
  })

  it('are asked for once, whatever the spelling of the name', async () => {
    const server = await startDnsServer()
    server.set('kms.test', a('10.0.0.1'))
    const { resolve } = setUp(server)
    expect(await resolve('KMS.test.')).toEqual(['10.0.0.1'])
    expect(await resolve('kms.test')).toEqual(['10.0.0.1'])
    expect(server.questions).toHaveLength(2)
  })

  it.each(['10.0.0.1', '2001:db8::1', '::ffff:10.0.0.1', 'fe80::1%lo'])('are %s itself', async (address) => {
    const server = await startDnsServer()
    expect(await setUp(server).resolve(address)).toEqual([address])
    expect(server.questions).toEqual([])
  })

  it.each(['', '.', 'a b.test', 'a\0.test', 'a..test', '10.0.0.256', 'bücher.test', 'a'.repeat(300)])(
    'do not exist for %j, which is no name',
    async (host) => {
      const server = await startDnsServer()
      expect(await refusal(() => setUp(server).resolve(host))).toMatchObject({ code: 'ERR_PROXY_DNS' })
      expect(server.questions).toEqual([])
    },
  )

  it('come by TCP when they do not fit', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: ['10.0.0.1'], truncated: true } })
    expect(await setUp(server).resolve()).toEqual(['10.0.0.1'])
  })
})

describe('the hosts file', () => {
  it('comes first, as it is at the moment', async () => {
    const server = await startDnsServer()
    server.set('kms.test', bothFamilies)
    const hostsFile = join(directory(), 'hosts')
    writeFileSync(hostsFile, '127.0.0.2 KMS.test\n')
    const { resolve } = setUp(server, { hostsFile })
    expect(await resolve('kms.TEST.')).toEqual(['127.0.0.2'])
    writeFileSync(hostsFile, '127.0.0.3 kms.test\n::2 kms.test\n')
    expect(await resolve()).toEqual(['127.0.0.3', '::2'])
    expect(server.questions).toEqual([])
    writeFileSync(hostsFile, '')
    expect(await resolve()).toHaveLength(5)
  })

  it('leaves to DNS the family that it lacks, if that alone is wanted', async () => {
    const server = await startDnsServer()
    server.set('kms.test', bothFamilies)
    const hostsFile = join(directory(), 'hosts')
    writeFileSync(hostsFile, '127.0.0.2 kms.test\n')
    const { resolve } = setUp(server, { hostsFile, prefer: 'ipv6-only' })
    expect((await resolve()).toSorted()).toEqual(['2001:db8::1', '2001:db8::2'])
  })
})

describe('an answer', () => {
  it('is kept for its TTL, the shorter one of the two families', async () => {
    const server = await startDnsServer()
    server.set('kms.test', {
      A: { addresses: ['10.0.0.1'], ttl: 60 },
      AAAA: { addresses: ['2001:db8::1'], ttl: 30 },
    })
    const { resolve, clock } = setUp(server)
    await resolve()
    server.set('kms.test', a('10.0.0.2'))
    clock.now = 30 * SECOND - 1
    expect(await resolve()).toEqual(['10.0.0.1', '2001:db8::1'])
    expect(server.questions).toHaveLength(2)
    clock.now = 30 * SECOND
    expect(await resolve()).toEqual(['10.0.0.2'])
    expect(server.questions).toHaveLength(4)
  })

  it('is kept for `ttl` instead where that is set', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: ['10.0.0.1'], ttl: 3_600 } })
    const { resolve, clock } = setUp(server, { ttl: 5 * SECOND })
    await resolve()
    clock.now = 5 * SECOND - 1
    await resolve()
    expect(server.questions).toHaveLength(2)
    clock.now = 5 * SECOND
    await resolve()
    expect(server.questions).toHaveLength(4)
  })

  it('is kept for seven days at most', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: ['10.0.0.1'], ttl: 2 ** 32 - 1 } })
    const { resolve, clock } = setUp(server)
    await resolve()
    clock.now = 7 * DAY - 1
    await resolve()
    expect(server.questions).toHaveLength(2)
    clock.now = 7 * DAY
    await resolve()
    expect(server.questions).toHaveLength(4)
  })

  it('with a TTL of 0 is asked for each time, and shared by those who wait for it together', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: ['10.0.0.1'], ttl: 0 } })
    const { resolve } = setUp(server)
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      server.set('kms.test', { A: { addresses: [address], ttl: 0 } })
      const all = await Promise.all(Array.from({ length: 100 }, () => resolve()))
      expect(new Set(all.flat())).toEqual(new Set([address]))
    }
    expect(server.questions).toHaveLength(6)
  })

  it('is forgotten when more than 1,024 other names were asked for since', async () => {
    const server = await startDnsServer()
    const names = Array.from({ length: 1_025 }, (_, index) => `n${index}.test`)
    for (const one of names) server.set(one, a('10.0.0.1'))
    const { resolve } = setUp(server, { prefer: 'ipv4-only' })
    // A few at once: no more than fit into the server's buffer.
    for (let index = 0; index < 1_024; index += 32)
      await Promise.all(names.slice(index, index + 32).map(resolve))
    await resolve('n0.test')
    await resolve('n1024.test')
    expect(server.questions).toHaveLength(1_025)
    await resolve('n0.test')
    expect(server.questions).toHaveLength(1_025)
    await resolve('n1.test')
    expect(server.questions).toHaveLength(1_026)
  })
})

describe('a name that was never resolved', () => {
  it.each([
    ['NXDOMAIN', 'ENOTFOUND', /no such name/],
    ['SERVFAIL', 'ESERVFAIL', /DNS server failed/],
    ['REFUSED', 'EREFUSED', /refuses/],
    ['garbage', 'EBADRESP', /nonsense/],
    ['cut', 'EBADRESP', /nonsense/],
    [{ addresses: [] }, 'ENODATA', /no address/],
  ] as const)('is an error that says so: %j', async (reply, code, message) => {
    const server = await startDnsServer()
    server.set('kms.test', reply)
    const { resolve, failures } = setUp(server)
    const error = await refusal(resolve)
    expect(error).toMatchObject({ name: 'OperationError', code: 'ERR_PROXY_DNS', cause: { code } })
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(`kms.test was not resolved: `)
    expect(error.message).toContain(`(${code})`)
    expect(failures).toEqual([{ host: 'kms.test', error, stale: false }])
  })

  it('is an error where no server listens', async () => {
    const server = await startDnsServer()
    const error = await refusal(setUp(server, { servers: ['127.0.0.1:1'] }).resolve)
    expect(error).toMatchObject({ code: 'ERR_PROXY_DNS', cause: { code: 'ECONNREFUSED' } })
  })

  it('is told of the failure of one family, not of the absence of the other', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: [] }, AAAA: 'SERVFAIL' })
    expect(await refusal(setUp(server).resolve)).toMatchObject({ cause: { code: 'ESERVFAIL' } })
  })

  it('is to be written in full', async () => {
    const server = await startDnsServer()
    expect((await refusal(() => setUp(server).resolve('kms'))).message).toMatch(/search domain.*whole name/)
    expect((await refusal(() => setUp(server).resolve('kms.test'))).message).not.toMatch(/search domain/)
  })

  it('is not asked for at each connection, but again after a second', async () => {
    const server = await startDnsServer()
    server.set('kms.test', 'SERVFAIL')
    const { resolve, clock, failures } = setUp(server)
    const all = () => Promise.allSettled(Array.from({ length: 100 }, () => resolve()))
    await all()
    clock.now = SECOND - 1
    await all()
    expect(server.questions).toHaveLength(2)
    expect(failures).toHaveLength(1)
    server.set('kms.test', a('10.0.0.1'))
    clock.now = SECOND
    expect(await resolve()).toEqual(['10.0.0.1'])
    expect(server.questions).toHaveLength(4)
  })
})

describe('while DNS fails', () => {
  const known = async (options: DnsOptions = {}) => {
    const server = await startDnsServer()
    server.set('kms.test', a('10.0.0.1'))
    const rig = setUp(server, options)
    await rig.resolve()
    rig.clock.now = 60 * SECOND
    return { ...rig, server }
  }

  it.each(['NXDOMAIN', 'SERVFAIL', 'REFUSED', 'garbage', 'cut', { addresses: [] }] as const)(
    'the last good answer serves, until there is a better one: %j',
    async (reply) => {
      const { server, resolve, clock, failures } = await known()
      server.set('kms.test', reply)
      expect(await resolve()).toEqual(['10.0.0.1'])
      expect(failures).toMatchObject([{ host: 'kms.test', stale: true, error: { code: 'ERR_PROXY_DNS' } }])
      server.set('kms.test', a('10.0.0.2'))
      clock.now += 5 * SECOND
      expect(await resolve()).toEqual(['10.0.0.2'])
      expect(failures).toHaveLength(1)
    },
  )

  it('there is a question every five seconds, not at each connection', async () => {
    const { server, resolve, clock, failures } = await known()
    server.set('kms.test', 'SERVFAIL')
    await resolve()
    clock.now += 5 * SECOND - 1
    const all = await Promise.all(Array.from({ length: 100 }, () => resolve()))
    expect(new Set(all.flat())).toEqual(new Set(['10.0.0.1']))
    expect(server.questions).toHaveLength(4)
    clock.now += 1
    await resolve()
    expect(server.questions).toHaveLength(6)
    expect(failures).toHaveLength(2)
  })

  it('the last good answer serves for three days after its TTL, no longer', async () => {
    const { server, resolve, clock } = await known()
    server.set('kms.test', 'SERVFAIL')
    clock.now = 60 * SECOND + 3 * DAY
    expect(await resolve()).toEqual(['10.0.0.1'])
    clock.now += 5 * SECOND
    expect(await refusal(resolve)).toMatchObject({ code: 'ERR_PROXY_DNS' })
  })

  it('an answer that takes its time is waited for', async () => {
    const { server, resolve } = await known()
    server.set('kms.test', { A: { addresses: ['10.0.0.2'], delay: 500 } })
    expect(await resolve()).toEqual(['10.0.0.2'])
  })

  it('a slow answer is not waited for, and serves the next one', async () => {
    const { server, resolve, failures } = await known({ prefer: 'ipv4-only' })
    server.set('kms.test', 'silence')
    const all = await Promise.all(Array.from({ length: 100 }, () => resolve()))
    expect(new Set(all.flat())).toEqual(new Set(['10.0.0.1']))
    // c-ares asks again until five seconds have passed.
    server.set('kms.test', a('10.0.0.2'))
    let last = ''
    const poll = setInterval(async () => {
      last = (await resolve()).join()
    }, 20)
    onTestFinished(() => clearInterval(poll))
    await until(() => last === '10.0.0.2')
    expect(failures).toEqual([])
  })

  it('silence is told of, though only those wait for its end who have nothing else', async () => {
    const [first, second] = [await startDnsServer(), await startDnsServer()]
    first.set('kms.test', a('10.0.0.1'))
    const { resolve, clock, failures } = setUp(first, { servers: [first.address, second.address] })
    await resolve()
    clock.now = 60 * SECOND
    for (const server of [first, second]) {
      server.set('kms.test', { A: 'silence' })
      server.set('other.test', 'silence')
    }
    const other = refusal(() => resolve('other.test'))
    expect(await resolve()).toEqual(['10.0.0.1'])
    expect(failures).toEqual([])
    // c-ares alone would try for 14 s.
    await until(() => failures.length === 2)
    const error = await other
    expect(error).toMatchObject({ code: 'ERR_PROXY_DNS', cause: { code: 'ETIMEOUT' } })
    expect(error.message).toMatch(/^other\.test was not resolved: no DNS server answered/)
    expect(failures).toContainEqual({ host: 'other.test', stale: false, error })
    expect(failures).toContainEqual({ host: 'kms.test', stale: true, error: expect.any(Error) })
    // From now on nobody waits as long as for the first failure: c-ares asks the second server after a second.
    clock.now += 5 * SECOND
    const asked = first.questions.length + second.questions.length
    expect(await resolve()).toEqual(['10.0.0.1'])
    expect(first.questions.length + second.questions.length).toBe(asked + 2)
  })

  it('an onFailure that throws is a warning', async () => {
    const { server, resolve } = await known({
      onFailure: () => {
        throw new Error('no log')
      },
    })
    const warnings: string[] = []
    const onWarning = ({ message }: Error) => warnings.push(message)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    server.set('kms.test', 'SERVFAIL')
    expect(await resolve()).toEqual(['10.0.0.1'])
    await until(() => warnings.length > 0)
    expect(warnings).toEqual(['no log'])
  })
})

describe('one family of two', () => {
  it.each(['NXDOMAIN', 'SERVFAIL', 'REFUSED', 'garbage'] as const)(
    'does not spoil the other: %s',
    async (reply) => {
      const server = await startDnsServer()
      const { resolve, failures } = setUp(server)
      server.set('a.test', { A: { addresses: ['10.0.0.1'] }, AAAA: reply })
      expect(await resolve('a.test')).toEqual(['10.0.0.1'])
      server.set('b.test', { AAAA: { addresses: ['2001:db8::1'] }, A: reply })
      expect(await resolve('b.test')).toEqual(['2001:db8::1'])
      expect(failures).toEqual([])
    },
  )

  it('is not waited for while it is silent, and is asked once at a time', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: ['10.0.0.1'], ttl: 0 }, AAAA: 'silence' })
    const { resolve } = setUp(server)
    for (let count = 0; count < 3; count += 1) expect(await resolve()).toEqual(['10.0.0.1'])
    const asked = (kind: string) => server.questions.filter((one) => one === `${kind} kms.test`)
    expect(asked('A')).toHaveLength(3)
    // One, unless the test takes a second: then c-ares repeats it.
    expect(asked('AAAA').length).toBeLessThan(3)
  })

  it('is heard when it answers late', async () => {
    const server = await startDnsServer()
    server.set('kms.test', {
      A: { addresses: ['10.0.0.1'] },
      AAAA: { addresses: ['2001:db8::1'], delay: 400, ttl: 30 },
    })
    const { resolve, clock } = setUp(server)
    expect(await resolve()).toEqual(['10.0.0.1'])
    let last: string[] = []
    const poll = setInterval(async () => {
      last = await resolve()
    }, 20)
    onTestFinished(() => clearInterval(poll))
    await until(() => last.length === 2)
    expect(last).toEqual(['10.0.0.1', '2001:db8::1'])
    clearInterval(poll)
    clock.now = 30 * SECOND - 1
    await resolve()
    expect(server.questions).toHaveLength(2)
    clock.now = 30 * SECOND
    await resolve()
    expect(server.questions).toHaveLength(4)
  })

  it('is asked for again soon when it failed, whatever the TTL of the other', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: 'SERVFAIL', AAAA: { addresses: ['2001:db8::1'], ttl: 3_600 } })
    const { resolve, clock } = setUp(server)
    expect(await resolve()).toEqual(['2001:db8::1'])
    server.set('kms.test', bothFamilies)
    clock.now = 5 * SECOND - 1
    expect(await resolve()).toEqual(['2001:db8::1'])
    clock.now = 5 * SECOND
    expect(await resolve()).toHaveLength(5)
  })

  it('keeps its last good answer when it fails, and loses it when it has none any more', async () => {
    const server = await startDnsServer()
    server.set('kms.test', { A: { addresses: ['10.0.0.1'] }, AAAA: { addresses: ['2001:db8::1'] } })
    const { resolve, clock } = setUp(server)
    await resolve()
    clock.now += 60 * SECOND
    server.set('kms.test', { A: { addresses: ['10.0.0.2'] }, AAAA: 'SERVFAIL' })
    expect(await resolve()).toEqual(['10.0.0.2', '2001:db8::1'])
    clock.now += 60 * SECOND
    server.set('kms.test', { A: { addresses: ['10.0.0.2'] } })
    expect(await resolve()).toEqual(['10.0.0.2'])
    clock.now += 60 * SECOND
    server.set('kms.test', 'SERVFAIL')
    expect(await resolve()).toEqual(['10.0.0.2'])
  })
})

describe('of several servers', () => {
  it.each(['SERVFAIL', 'REFUSED', 'garbage', 'silence'] as const)(
    'the next one is asked: %s',
    async (reply) => {
      const [first, second] = [await startDnsServer(), await startDnsServer()]
      first.set('kms.test', reply)
      second.set('kms.test', a('10.0.0.1'))
      const { resolve } = setUp(first, { servers: [first.address, second.address] })
      expect(await resolve()).toEqual(['10.0.0.1'])
    },
  )

  it('the first one is believed that a name does not exist', async () => {
    const [first, second] = [await startDnsServer(), await startDnsServer()]
    second.set('kms.test', a('10.0.0.1'))
    const { resolve } = setUp(first, { servers: [first.address, second.address] })
    expect(await refusal(resolve)).toMatchObject({ cause: { code: 'ENOTFOUND' } })
    expect(first.questions).toHaveLength(2)
    expect(second.questions).toEqual([])
  })

  it('the next one is believed too', async () => {
    const [first, second] = [await startDnsServer(), await startDnsServer()]
    first.set('kms.test', 'SERVFAIL')
    const { resolve } = setUp(first, { servers: [first.address, second.address] })
    expect(await refusal(resolve)).toMatchObject({ cause: { code: 'ENOTFOUND' } })
  })

  it('one that knows is found among a silent one and one that refuses', async () => {
    const servers = [await startDnsServer(), await startDnsServer(), await startDnsServer()] as const
    servers[0].set('kms.test', 'silence')
    servers[1].set('kms.test', 'REFUSED')
    servers[2].set('kms.test', a('10.0.0.1'))
    const { resolve } = setUp(servers[0], { servers: servers.map(({ address }) => address) })
    expect(await resolve()).toEqual(['10.0.0.1'])
  })

  it('the failure of all is one', async () => {
    const [first, second] = [await startDnsServer(), await startDnsServer()]
    first.set('kms.test', 'SERVFAIL')
    second.set('kms.test', 'REFUSED')
    const { resolve } = setUp(first, { servers: [first.address, second.address] })
    expect(await refusal(resolve)).toMatchObject({ cause: { code: 'ESERVFAIL' } })
  })
})

it.each([
  [{ servers: ['dns.test'] }, /dns\.servers.*dns\.test/],
  [{ servers: [] }, /dns\.servers/],
  [{ ttl: -1 }, /dns\.ttl/],
  [{ ttl: Number.NaN }, /dns\.ttl/],
  [{ ttl: Number.POSITIVE_INFINITY }, /dns\.ttl/],
])('refuses the options %j', async (options, message) => {
  const refused = { name: 'UsageError', code: 'ERR_PROXY_CONFIG', message: expect.stringMatching(message) }
  expect(await refusal(() => dnsResolver(options))).toMatchObject(refused)
})
