import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { fromParent } from '../../../enclave/kms/parent-credentials.js'
import { createCredentialsServer } from '../../../parent-proxy/credentials/server.js'
import { writeCredentials } from '../../../shared/credentials/container-shape.js'
import { OperationError } from '../../../shared/errors.js'
import { listen, unixTransport } from '../../../shared/vsock/index.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'

const HOUR = 3_600_000
const PARENT = { cid: 3, port: 8001 }

/** Planted: looked for in errors. */
const identity = (lifetime = HOUR, accessKeyId = 'ASIAPLANTED') => ({
  accessKeyId,
  secretAccessKey: 'planted/secret',
  sessionToken: 'planted//token==',
  expiration: new Date(Date.now() + lifetime),
})

const answer = (body: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`

/** Something that listens where the parent's proxy does. */
const startListener = async (serve: (socket: net.Socket) => void) => {
  const transport = unixTransport(temporaryFolder())
  const sockets = new Set<net.Socket>()
  const server = await listen({ ...PARENT, transport })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end())
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(close)
  return { transport, sockets, close }
}

/** It says `reply()` to each request and counts them. */
const startParent = async (reply: () => string | undefined) => {
  const requests: string[] = []
  const listener = await startListener((socket) => {
    socket.once('data', (head) => {
      requests.push(String(head))
      const text = reply()
      if (text !== undefined) socket.write(text)
    })
  })
  return { ...listener, requests }
}

describe("the parent's credentials", () => {
  /** The proxy's own server, on what a file holds. */
  const startProxy = async (text: string) => {
    const path = join(temporaryFolder(), 'credentials.json')
    writeFileSync(path, text)
    const server = createCredentialsServer({ source: 'file', path })
    onTestFinished(() => server.close())
    const listener = await startListener((socket) => {
      void server.serve(socket, new AbortController().signal)
    })
    return { ...listener, path }
  }

  it('are fetched from its proxy', async () => {
    const given = identity()
    const { transport } = await startProxy(writeCredentials(given))
    expect(await fromParent({ transport })()).toEqual(given)
  })

  it('may be missing there, for a reason that is told', async () => {
    const { transport, path } = await startProxy('{')
    expect(await refusal(fromParent({ transport }))).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: `the parent's credentials listener (vsock:3:8001) gave no credentials: ${path} gave no credentials: not JSON`,
    })
  })

  it('are asked for once by all who need them at the same time', async () => {
    const { transport, requests } = await startParent(() => answer(writeCredentials(identity())))
    const provider = fromParent({ transport })
    const all = await Promise.all(Array.from({ length: 50 }, () => provider()))
    expect(new Set(all.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['ASIAPLANTED']))
    await provider()
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: parent\r\nAccept: application\/json\r\n/)
  })

  it('are asked for again when others are needed', async () => {
    const { transport, requests } = await startParent(() => answer(writeCredentials(identity())))
    const provider = fromParent({ transport })
    await provider()
    await provider({ forceRefresh: false })
    expect(requests).toHaveLength(1)
    await provider({ forceRefresh: true })
    expect(requests).toHaveLength(2)
  })

  it('decide nothing but who signs', async () => {
    const body = JSON.stringify({
      ...JSON.parse(writeCredentials(identity())),
      region: 'mars',
      Endpoint: 'https://kms.evil.example',
      AccountId: '1',
    })
    const { transport } = await startParent(() => answer(body))
    expect(Object.keys(await fromParent({ transport })()).toSorted()).toEqual([
      'accessKeyId',
      'expiration',
      'secretAccessKey',
      'sessionToken',
    ])
  })

  it('may be an answer that ends with its connection', async () => {
    const { transport } = await startListener((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${writeCredentials(identity())}`))
    })
    expect(await fromParent({ transport })()).toMatchObject({ accessKeyId: 'ASIAPLANTED' })
  })

  it('may come in an answer of 64 KiB, and in no longer one', async () => {
    const credentials = writeCredentials(identity())
    for (const [length, code] of [
      [65_536, undefined],
      [65_537, 'ERR_CREDENTIALS'],
    ] as const) {
      const { transport, close } = await startParent(() => answer(credentials.padEnd(length)))
      const given = fromParent({ transport })().then(
        () => undefined,
        (error: { code: string }) => error.code,
      )
      expect(await given).toBe(code)
      close()
    }
  })

  it('are not kept from changes by those who got them', async () => {
    const { transport } = await startParent(() => answer(writeCredentials(identity())))
    const provider = fromParent({ transport })
    Object.assign(await provider(), { accessKeyId: 'ASIAOTHER' })
    expect(await provider()).toMatchObject({ accessKeyId: 'ASIAPLANTED' })
  })

  it('are renewed before they expire, kept when that fails, and never given when they have expired', async () => {
    let number = 0
    let status = '200 OK'
    let now = Date.now()
    const { transport, requests } = await startParent(() =>
      answer(writeCredentials({ ...identity(), accessKeyId: `ASIA${++number}` }), status),
    )
    const provider = fromParent({ transport, now: () => now })
    const key = async () => (await provider()).accessKeyId
    expect(await key()).toBe('ASIA1')
    now += HOUR - 310_000
    expect(await key()).toBe('ASIA1')
    expect(requests).toHaveLength(1)

    status = '500 Oops'
    now += 11_000
    expect(await key()).toBe('ASIA1')
    await vi.waitFor(() => expect(requests).toHaveLength(2), 10_000)
    now += 297_000
    expect(await key()).toBe('ASIA1')
    now += 3_000
    expect(await refusal(key)).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: expect.stringMatching(/HTTP status 500; is that port the parent's for credentials\?$/),
    })
  })

  it('are refused when they have expired already', async () => {
    const { transport } = await startParent(() => answer(writeCredentials(identity(-1))))
    const error = await refusal(fromParent({ transport }))
    expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringContaining('expired at') })
  })
})

describe('a parent', () => {
  it('that is not there is named, and what may be missing', async () => {
    const error = await refusal(fromParent({ transport: unixTransport(temporaryFolder()) }))
    expect(error).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message:
        "the parent's credentials listener (vsock:3:8001) cannot be asked (ENOENT): does the parent's proxy serve credentials there?",
    })
  })

  it('that comes later is found', async () => {
    let now = Date.now()
    const folder = temporaryFolder()
    const transport = unixTransport(folder)
    const provider = fromParent({ transport, now: () => now })
    await refusal(provider)
    const server = await listen({ ...PARENT, transport })
    onTestFinished(() => void server.close())
    server.on('connection', (socket) => socket.end(answer(writeCredentials(identity()))))
    now += 1_000
    expect(await provider()).toMatchObject({ accessKeyId: 'ASIAPLANTED' })
  })

  it.each<[string, string | undefined]>([
    ['says nothing', undefined],
    ['ends its head never', 'HTTP/1.1 200 OK\r\nX: '],
    ['ends its answer never', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'],
    ['only announces an answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('that %s is given up in time, with its connection', async (_, text) => {
    const { transport, sockets } = await startParent(() => text)
    const error = await refusal(fromParent({ transport, timeout: 200 }))
    expect(error).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: "the parent's credentials listener (vsock:3:8001) gave no credentials within 200 ms",
    })
    await vi.waitFor(() => expect(sockets.size).toBe(0), 10_000)
  })

  it.each([
    ['EMFILE', Object.assign(new Error('socket EMFILE'), { code: 'EMFILE' })],
    ['ETIMEDOUT', new OperationError('ETIMEDOUT', 'no connection to vsock:3:8001 within 100 ms')],
  ])(
    'that no connection leads to is out of reach, also when that is known at once: %s',
    async (code, failure) => {
      const connect = () => new net.Socket().destroy(failure)
      const error = await refusal(fromParent({ transport: { ...unixTransport(temporaryFolder()), connect } }))
      expect(error).toMatchObject({
        code: 'ERR_CREDENTIALS',
        message: expect.stringContaining(`(vsock:3:8001) cannot be asked (${code})`),
      })
    },
  )

  const body = writeCredentials(identity())
  it.each<[string, string, RegExp]>([
    ['no HTTP', body, /cannot be asked \(HPE_/],
    ['half a head', 'HTTP/1.1 200 OK\r\nX: planted', /cannot be asked \(ECONNRESET|cannot be asked \(HPE_/],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'planted'.repeat(5_000)}`, /cannot be asked \(HPE_/],
    [
      'a switch of protocols',
      'HTTP/1.1 101 Planted\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      /cannot be asked/,
    ],
    [
      'half an answer',
      `HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n${body}`,
      /cannot be asked \(ECONNRESET/,
    ],
    ['an answer without end', answer(body + ' '.repeat(70_000)), /more than 65536 bytes$/],
    ['no JSON', answer('planted'), /not JSON$/],
    ['no credentials', answer('{"AccessKeyId":"ASIA PLANTED"}'), /AccessKeyId is not as it must be$/],
    ['no expiration', answer(body.replace('Expiration', 'Expires')), /Expiration is missing$/],
    ['another status', answer(body, '404 Not Found'), /HTTP status 404; is that port/],
    ['a redirection', answer('', '302 Found\r\nLocation: http://planted.example/'), /HTTP status 302/],
    ['a refusal in other words', answer('planted', '503 No'), /it says that it has none$/],
  ])('that sends %s is refused, and nothing of it is shown', async (_, text, words) => {
    const { transport } = await startListener((socket) => {
      socket.once('data', () => socket.end(text))
    })
    const error = await refusal(fromParent({ transport }))
    expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringMatching(words) })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/planted/i)
  })

  it('whose refusal is long and full of controls is shown short and without them', async () => {
    const message = `no role\n\u001b[31m${'x'.repeat(5_000)}`
    const { transport } = await startParent(() => answer(JSON.stringify({ message }), '503 No'))
    const { message: shown } = await refusal(fromParent({ transport }))
    expect(shown).toContain('no role\\u{a}\\u{1b}[31mxxx')
    expect(shown.length).toBeLessThan(700)
  })
})

it('says what is wrong with its options', async () => {
  for (const timeout of [0, -1, 1.5, Infinity, 2 ** 31]) {
    expect(await refusal(() => fromParent({ timeout }))).toMatchObject({ code: 'ERR_USAGE' })
  }
  for (const timeout of [1, 2 ** 31 - 1]) expect(() => fromParent({ timeout })).not.toThrow()
  expect(await refusal(() => fromParent({ port: -1 }))).toMatchObject({ code: 'ERR_VSOCK_ADDRESS' })
  expect(await refusal(() => fromParent({ cid: 2 ** 32 }))).toMatchObject({ code: 'ERR_VSOCK_ADDRESS' })
})

it('says when there is no vsock', async () => {
  expect(await refusal(fromParent())).toMatchObject({ code: 'ERR_VSOCK_UNAVAILABLE' })
})
