/** The proxy is killed while calls go through it: what the enclave's client makes of that. */
import { existsSync } from 'node:fs'
import type net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { until } from '../parent-proxy/rig.js'
import { temporaryFolder } from '../support/cli.js'
import { enclaveClient, type KmsClient, random, startLoopbackKms } from '../support/loopback-kms.js'
import { type ProxyProcess, startProxyProcess } from '../support/proxy-process.js'

const PORT = 8000
/** Calls in flight at a time. */
const CALLS = 8

const setUp = async (options: Partial<Parameters<typeof enclaveClient>[0]> = {}) => {
  const kms = await startLoopbackKms()
  const folder = temporaryFolder()
  const { to, allowlist, dns } = kms
  const listeners = [{ listen: `unix:${folder}:${PORT}`, to }]
  const start = () => startProxyProcess(() => ({ allowlist, dns, listeners }), {}, folder)
  const transport = unixTransport(folder)
  const sockets: net.Socket[] = []
  const client = enclaveClient({
    dial: () => {
      const socket = connect({ cid: 3, port: PORT, transport })
      sockets.push(socket)
      return socket
    },
    // Longer than a test may take: whoever waited for it would be seen.
    requestTimeout: 60_000,
    ...options,
  })
  return { kms, start, client, sockets, socketFile: join(folder, `3.${PORT}`) }
}

const kill = async (proxy: ProxyProcess): Promise<void> => {
  proxy.signal('SIGKILL')
  expect(await proxy.exited).toBe('SIGKILL')
}

/** In an object, so that whoever awaits that does not await them. */
interface Calls {
  readonly outcomes: Promise<readonly PromiseSettledResult<Uint8Array>[]>
}

const makeCalls = (client: KmsClient): Calls => ({
  outcomes: Promise.allSettled(Array.from({ length: CALLS }, () => random(client))),
})

const differ = (all: readonly Uint8Array[]) =>
  expect(new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(all.length)

/** Many at a time, each with bytes of its own. */
const succeedAtOnce = async (client: KmsClient): Promise<void> => {
  const outcomes = await makeCalls(client).outcomes
  expect(outcomes).toEqual(outcomes.map(() => ({ status: 'fulfilled', value: expect.any(Uint8Array) })))
  differ(outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])))
}

const FAILED = { name: 'OperationError', code: 'ERR_KMS_CONNECTION', cause: expect.any(Error) }
const REFUSED = { ...FAILED, cause: { code: 'ECONNREFUSED' } }

type Rig = Awaited<ReturnType<typeof setUp>>
type Hold = (rig: Rig, proxy: ProxyProcess) => Promise<Calls>

const inHandshakes: Hold = async ({ kms, client }) => {
  kms.holdAnswers(0)
  const calls = makeCalls(client)
  await until(() => kms.holding === CALLS)
  return calls
}

const beforeDecisions: Hold = async ({ kms, client }) => {
  kms.holdDecisions()
  const calls = makeCalls(client)
  await until(() => kms.undecided === CALLS)
  return calls
}

const inAnswers: Hold = async (rig, proxy) => {
  const calls = await beforeDecisions(rig, proxy)
  rig.kms.holdAnswers(100)
  rig.kms.decide()
  await until(() => rig.kms.holding === CALLS)
  return calls
}

const standingStill: Hold = async ({ client, sockets }, proxy) => {
  proxy.signal('SIGSTOP')
  const before = sockets.length
  const calls = makeCalls(client)
  // One takes the connection that is there.
  await until(() => sockets.length === before + CALLS - 1 && sockets.every(({ connecting }) => !connecting))
  return calls
}

/** On the connection that is there, and on new ones. */
const justNow: Hold = async ({ client }, proxy) => {
  proxy.signal('SIGKILL')
  return makeCalls(client)
}

describe('a proxy that is killed', () => {
  it.each<[string, Hold]>([
    ['in the TLS handshakes', inHandshakes],
    ['before KMS has decided', beforeDecisions],
    ['in the middle of the answers', inAnswers],
    ['while it stands still', standingStill],
    ['just before the calls', justNow],
  ])('%s ends the calls in flight in typed errors; restarted, it serves the next ones', async (_, hold) => {
    const rig = await setUp()
    const { kms, client } = rig
    const proxy = await rig.start()
    expect(await random(client)).toHaveLength(32)
    const { outcomes } = await hold(rig, proxy)
    await kill(proxy)
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: FAILED })
    }
    expect(existsSync(rig.socketFile)).toBe(true)
    await expect(random(client)).rejects.toMatchObject(REFUSED)
    kms.release()
    await rig.start()
    expect(await random(client)).toHaveLength(32)
    await succeedAtOnce(client)
  })

  it('and restarted in time has a call in flight made again, by a client that may', async () => {
    const { kms, start, client } = await setUp({ maxAttempts: 12 })
    const proxy = await start()
    kms.holdDecisions()
    const call = random(client)
    await until(() => kms.undecided === 1)
    await kill(proxy)
    kms.release()
    await start()
    expect(await call).toHaveLength(32)
  })

  it('twice, with calls going on all the time, spoils none of their results', async () => {
    const { start, client } = await setUp()
    const results: Uint8Array[] = []
    const failures: unknown[] = []
    let proxy = await start()
    let going = true
    /** Each has a length of its own: an answer that went to another call would be seen. */
    const ask = async (length: number) => {
      while (going) {
        try {
          const bytes = await random(client, length)
          expect(bytes).toHaveLength(length)
          results.push(bytes)
        } catch (error) {
          failures.push(error)
        }
        await sleep(5)
      }
    }
    const askers = Array.from({ length: 6 }, (_, index) => ask(16 + index))
    const succeed = async (count: number) => {
      const before = results.length
      await until(() => results.length >= before + count)
    }
    for (let kills = 1; kills <= 2; kills += 1) {
      await succeed(20)
      await kill(proxy)
      const before = failures.length
      await until(() => failures.length > before)
      proxy = await start()
      await succeed(1)
    }
    await succeed(20)
    going = false
    await Promise.all(askers)
    expect(failures).toEqual(failures.map(() => expect.objectContaining(FAILED)))
    differ(results)
  })
})

describe('a proxy that hangs', () => {
  it('ends calls at their own deadlines; killed and restarted, it serves the next ones', async () => {
    const { start, client } = await setUp({ connectTimeout: 2_000, requestTimeout: 2_000, maxAttempts: 1 })
    const proxy = await start()
    expect(await random(client)).toHaveLength(32)
    proxy.signal('SIGSTOP')
    for (const outcome of await makeCalls(client).outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { ...FAILED, code: 'ERR_KMS_TIMEOUT' } })
    }
    await kill(proxy)
    await start()
    expect(await random(client)).toHaveLength(32)
  })
})
