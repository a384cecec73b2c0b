/** The role's credentials on their way: from a file or IMDS, by the proxy, into the enclave, to KMS. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fromParent } from '../../enclave/kms/parent-credentials.js'
import type { ConnectionSummary } from '../../parent-proxy/connection.js'
import { startProxy } from '../../parent-proxy/proxy.js'
import { writeCredentials } from '../../shared/credentials/container-shape.js'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { containsAny } from '../../simulator/leak-search.js'
import { planted, type Reply, startImds } from '../parent-proxy/credentials/support.js'
import { read, until } from '../parent-proxy/rig.js'
import { cli, temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'
import {
  enclaveClient,
  type KmsClient,
  type LoopbackKms,
  random,
  startLoopbackKms,
} from '../support/loopback-kms.js'
import { type ProxyProcess, startProxyProcess } from '../support/proxy-process.js'

const MINUTE = 60_000
type Given = ReturnType<typeof planted>

/** Others than the first ones, and as secret. */
const rotated = (lifetime?: number): Given => ({
  accessKeyId: 'ASIAPLANTEDANEW',
  secretAccessKey: 'planted/secret/anew',
  sessionToken: 'planted//token//anew==',
  expiration: planted(lifetime).expiration,
})

const SECRETS = [planted(), rotated()].flatMap(({ accessKeyId, secretAccessKey, sessionToken }) =>
  [accessKeyId, secretAccessKey, sessionToken].map((text) => Buffer.from(text)),
)
/** A part of them, or one of them as hex or base64. */
const tells = (text: string): boolean => /planted/i.test(text) || containsAny([Buffer.from(text)], SECRETS)

/** As whoever replaces such a file must: whole at any moment. */
const replace = (path: string, text: string) => {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

interface Enclave {
  readonly proxy: ProxyProcess
  readonly kms: LoopbackKms
  readonly client: KmsClient
  /** The enclave's clock is so many milliseconds ahead. */
  ahead: number
}

/** An enclave that has both from its parent: the way to KMS, and what to sign with. */
const startEnclave = async (credentials: object): Promise<Enclave> => {
  const kms = await startLoopbackKms()
  const { to, allowlist, dns } = kms
  const proxy = await startProxyProcess((folder) => ({
    allowlist,
    dns,
    listeners: [
      { listen: `unix:${folder}:8000`, to },
      { listen: `unix:${folder}:8001`, credentials },
    ],
    monitor: '127.0.0.1:0',
    log: { level: 'debug' },
  }))
  const transport = unixTransport(proxy.folder)
  const provider = fromParent({ transport, now: () => Date.now() + enclave.ahead })
  const client = enclaveClient({
    dial: () => connect({ cid: 3, port: 8000, transport }),
    credentials: provider,
  })
  const enclave = { proxy, kms, client, ahead: 0 }
  return enclave
}

/** Whatever the proxy shows of itself. */
const shownBy = async ({ proxy }: Enclave): Promise<readonly string[]> => {
  const monitor = `127.0.0.1:${(await proxy.line('monitor')).port}`
  const pages = ['health', 'metrics', 'status'].map(async (page) =>
    (await fetch(`http://${monitor}/${page}`)).text(),
  )
  const status = [[], ['--json']].map((flags) => cli(['proxy', 'status', '--monitor', monitor, ...flags]))
  const printed = (await Promise.all(status)).map(({ stdout, stderr }) => stdout + stderr)
  const log = [...proxy.log.map((line) => JSON.stringify(line)), ...proxy.noise]
  return [
    ...log,
    ...(await Promise.all(pages)),
    ...printed,
    readFileSync(`/proc/${proxy.pid}/cmdline`, 'latin1'),
  ]
}

const startFile = async (text: string) => {
  const path = join(temporaryFolder(), 'credentials.json')
  writeFileSync(path, text)
  return Object.assign(await startEnclave({ source: 'file', path }), { path })
}

describe('credentials from a file', () => {
  it('sign an attested call, and so do those that replace them', async () => {
    const [before, after] = [planted(4 * MINUTE), rotated(4 * MINUTE)]
    const enclave = await startFile(writeCredentials(before))
    const { kms, client, path } = enclave
    kms.accept(before)
    expect(await random(client)).toHaveLength(32)
    replace(path, writeCredentials(after))
    kms.accept(after)
    await expect(random(client)).rejects.toMatchObject({ name: 'UnrecognizedClientException' })
    enclave.ahead = 3.5 * MINUTE
    expect(await random(client)).toHaveLength(32)
  })

  it('sign calls while the file is unfit, until they expire', async () => {
    const given = planted(4 * MINUTE)
    const enclave = await startFile(writeCredentials(given))
    const { proxy, kms, client, path } = enclave
    kms.accept(given)
    expect(await random(client)).toHaveLength(32)
    replace(path, writeCredentials(rotated()).slice(0, -1))
    // Another enclave, which has none yet.
    expect(await fromParent({ transport: unixTransport(proxy.folder) })()).toEqual(given)
    enclave.ahead = 3.5 * MINUTE
    expect(await random(client)).toHaveLength(32)
    expect(await proxy.line('credentials not refreshed')).toMatchObject({
      level: 'warn',
      msg: 'credentials not refreshed: those before are served until they expire',
      listener: `unix:${proxy.folder}:8001`,
      source: 'file',
      error: `${path} gave no credentials: not JSON`,
    })
    enclave.ahead = 5 * MINUTE
    await expect(random(client)).rejects.toMatchObject({ code: 'ERR_CREDENTIALS' })
  })
})

describe('credentials of the instance', () => {
  it('sign an attested call, and so do those that follow', async () => {
    let current = () => planted(6_000)
    const { seen } = await startImds(() => [200, writeCredentials(current())])
    const enclave = await startEnclave({ source: 'imds' })
    const { proxy, kms, client } = enclave
    kms.accept(current())
    expect(await random(client)).toHaveLength(32)
    expect(seen.map(({ method }) => method)).toContain('PUT')
    const after = rotated()
    current = () => after
    const expiration = after.expiration.toISOString()
    await until(() => proxy.log.some((line) => line.expiration === expiration))
    kms.accept(after)
    enclave.ahead = MINUTE
    expect(await random(client)).toHaveLength(32)
  })

  it('may be missing at the start, and are there when the service is', async () => {
    let reply: Reply = [500, '']
    await startImds(() => reply)
    const { proxy, kms, client } = await startEnclave({ source: 'imds' })
    await proxy.line('credentials not refreshed: none are served')
    await expect(random(client)).rejects.toMatchObject({ code: 'ERR_CREDENTIALS' })
    const given = planted()
    reply = [200, writeCredentials(given)]
    kms.accept(given)
    await proxy.line('credentials refreshed')
    // The enclave does not ask again within a second.
    const again = (): Promise<Uint8Array> =>
      random(client).catch(async (error: unknown) => {
        expect(error).toMatchObject({ code: 'ERR_CREDENTIALS' })
        await sleep(50)
        return again()
      })
    expect(await again()).toHaveLength(32)
  })
})

describe('a CID that is not in `from`', () => {
  const listener = { cid: 17, from: [16] }

  it('gets no credentials', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'credentials.json')
    const given = planted()
    writeFileSync(path, writeCredentials(given))
    const transport = unixTransport(folder)
    const credentials = { source: 'file', path } as const
    const ended: ConnectionSummary[] = []
    const proxy = await startProxy(
      {
        allowlist: [],
        listeners: [
          { ...listener, listen: { cid: 3, port: 8001, transport }, credentials },
          { ...listener, cid: 16, listen: { cid: 3, port: 8002, transport }, credentials },
        ],
      },
      { observer: { onConnection: (summary) => ended.push(summary) } },
    )
    onTestFinished(() => proxy.close())
    expect(await refusal(fromParent({ transport }))).toMatchObject({ code: 'ERR_CREDENTIALS' })
    await until(() => ended.length === 1)
    expect(ended).toMatchObject([{ cid: 17, reason: 'cid-refused', bytesDown: 0 }])
    expect(await fromParent({ transport, port: 8002 })()).toEqual(given)
  })

  it('is no listener at all, where the socket is of that CID', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'proxy.yaml')
    const credentials = { source: 'imds' }
    writeFileSync(
      file,
      JSON.stringify({ listeners: [{ ...listener, listen: `unix:${folder}:8001`, credentials }] }),
    )
    const { code, stderr } = await cli(['proxy', '--config', file])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/cid 17 is not in it: nobody could connect/)])
    expect(existsSync(join(folder, '17.8001'))).toBe(false)
  })
})

describe('secrets', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: parent\r\n\r\n'
  /** What the credentials' listener says to these bytes. */
  const answerTo = async ({ proxy }: Enclave, text: string): Promise<string> => {
    const socket = proxy.dial(8001)
    socket.end(text)
    return String(await read(socket))
  }
  /** What an error shows of itself, to whoever looks hard. */
  const failureOf = async (call: Promise<unknown>, code: string): Promise<string> => {
    const error: unknown = await call.then(
      () => expect.fail('nothing failed'),
      (reason: unknown) => reason,
    )
    const shown = inspect(error, { depth: 20, showHidden: true, getters: true })
    expect(shown).toContain(code)
    return `${shown} ${JSON.stringify(error)}`
  }

  it('of a file are in what is served, and in nothing that is shown', async () => {
    const given = planted(4 * MINUTE)
    const whole = writeCredentials(rotated())
    const enclave = await startFile(writeCredentials(given))
    const { proxy, kms, client, path } = enclave
    kms.accept(given)
    await random(client)
    expect(tells(await answerTo(enclave, GET))).toBe(true)
    const shown = [
      await answerTo(enclave, 'GET /planted HTTP/1.1\r\nHost: parent\r\n\r\n'),
      await answerTo(enclave, 'POST / HTTP/1.1\r\nHost: parent\r\n\r\n'),
      await answerTo(enclave, 'planted'),
    ]
    kms.accept(rotated())
    shown.push(await failureOf(random(client), 'UnrecognizedClientException'))
    enclave.ahead = 5 * MINUTE
    for (const text of [whole.slice(0, -1), whole.replace('ASIA', 'ASIA-')]) {
      const from = proxy.log.length
      replace(path, text)
      await answerTo(enclave, GET)
      shown.push(await failureOf(random(client), 'ERR_CREDENTIALS'))
      await proxy.line('credentials not refreshed', from)
    }
    const misread = { source: 'file', ...given }
    await proxy.reload({ listeners: [{ listen: `unix:${proxy.folder}:8001`, credentials: misread }] })
    await proxy.line('not reloaded')
    shown.push(...(await shownBy(enclave)))
    proxy.signal('SIGKILL')
    await proxy.exited
    const transport = unixTransport(proxy.folder)
    shown.push(await failureOf(fromParent({ transport })(), 'ECONNREFUSED'))
    expect(shown.filter((text) => tells(text))).toEqual([])
  })

  it('of IMDS are in nothing that is shown where it gives no credentials', async () => {
    const whole = writeCredentials(planted())
    let text = `planted/secret ${whole}`
    await startImds(() => [200, text])
    const enclave = await startEnclave({ source: 'imds' })
    const { proxy, client } = enclave
    await proxy.line('credentials not refreshed')
    const shown = [await answerTo(enclave, GET), await failureOf(random(client), 'ERR_CREDENTIALS')]
    text = JSON.stringify({ ...JSON.parse(whole), Expiration: 'planted/secret' })
    await proxy.line('credentials not refreshed', proxy.log.length)
    shown.push(...(await shownBy(enclave)))
    expect(shown.filter((text) => tells(text))).toEqual([])
  })
})
