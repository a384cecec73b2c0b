import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromHttp } from '@aws-sdk/credential-provider-http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CredentialsConfig } from '../../../parent-proxy/credentials/config.js'
import {
  type CredentialsEvent,
  type CredentialsServerOptions,
  createCredentialsServer,
} from '../../../parent-proxy/credentials/server.js'
import { writeCredentials } from '../../../shared/credentials/container-shape.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import {
  environment,
  expectNothingPlanted,
  HOUR,
  planted,
  type Reply,
  ROLE,
  ROLE_JSON,
  startImds,
} from './support.js'

const fileOf = (text: string) => {
  const path = join(temporaryFolder(), 'credentials.json')
  writeFileSync(path, text)
  return path
}

/** The server behind a listener like the proxy's, on loopback. */
const startServer = async (config: CredentialsConfig, options: CredentialsServerOptions = {}) => {
  const events: CredentialsEvent[] = []
  const server = createCredentialsServer(config, { onEvent: (event) => events.push(event), ...options })
  const controller = new AbortController()
  const served: { readonly requests: number }[] = []
  const listener = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, async (socket) => {
    served.push(await server.serve(socket, controller.signal))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as net.AddressInfo
  onTestFinished(() => {
    server.close()
    controller.abort()
    listener.close()
  })
  const url = `http://127.0.0.1:${port}`
  const dial = (text?: string) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    if (text !== undefined) socket.write(text)
    return socket
  }
  return { server, controller, events, served, url, dial }
}

const startFile = (text = ROLE_JSON) => startServer({ source: 'file', path: fileOf(text) })

const ask = (url: string, path = '/', method = 'GET') =>
  new Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const request = http.request(`${url}${path}`, { method, agent: false }, async (response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve({ status: response.statusCode, headers: response.headers, body })
      })
      request.on('error', reject).end()
    },
  )

/** Everything until the end, or what came before an error. */
const read = async (socket: net.Socket): Promise<string> => {
  let text = ''
  try {
    for await (const chunk of socket) text += chunk
  } catch {
    // Reset: what came, came.
  }
  return text
}

describe('an answer', () => {
  it("is read by the SDK's own provider", async () => {
    const { url } = await startFile()
    environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/credentials` })
    expect(await fromHttp({ maxRetries: 0 })()).toMatchObject(ROLE)
  })

  it.each(['/', '/credentials', '/credentials?x'])(
    'at %s has four members, and is not to be kept',
    async (path) => {
      const { url } = await startFile()
      const { status, headers, body } = await ask(url, path)
      expect(status).toBe(200)
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
      expect(JSON.parse(body)).toEqual({
        AccessKeyId: ROLE.accessKeyId,
        SecretAccessKey: ROLE.secretAccessKey,
        Token: ROLE.sessionToken,
        Expiration: ROLE.expiration.toISOString(),
      })
    },
  )

  it('lets keys that never expire be asked for again in a quarter of an hour', async () => {
    const { url } = await startFile('{"AccessKeyId": "AKIA", "SecretAccessKey": "secret"}')
    const { Token, Expiration } = JSON.parse((await ask(url)).body)
    expect(Token).toBe('')
    expect(Date.parse(Expiration)).toBeGreaterThan(Date.now() + 600_000)
    expect(Date.parse(Expiration)).toBeLessThanOrEqual(Date.now() + 900_000)
  })

  it.each([
    ['POST', '/', 405],
    ['HEAD', '/credentials', 405],
    ['PUT', '/latest/api/token', 404],
    ['GET', '/credentials/', 404],
    ['GET', '/latest/meta-data/iam/security-credentials/', 404],
  ])('to %s %s is %s, without credentials', async (method, path, expected) => {
    const { url } = await startFile()
    const { status, headers, body } = await ask(url, path, method)
    expect(status).toBe(expected)
    if (status === 405) expect(headers.allow).toBe('GET')
    expectNothingPlanted(body)
  })

  it('without credentials says why', async () => {
    const path = fileOf('planted')
    const { url } = await startServer({ source: 'file', path })
    const { status, body } = await ask(url)
    expect(status).toBe(503)
    expect(JSON.parse(body)).toEqual({
      code: 'ERR_CREDENTIALS',
      message: `${path} gave no credentials: not JSON`,
    })
  })
})

describe('credentials', () => {
  /** The instance's role on a clock that can be moved. */
  const startRole = async () => {
    const state = { now: Date.now(), fetches: 0, broken: false }
    const imds = await startImds((): Reply => {
      if (state.broken) return [500, '']
      const expiration = new Date(state.now + HOUR)
      return [200, writeCredentials({ ...ROLE, accessKeyId: `ASIA${++state.fetches}`, expiration })]
    })
    const parent = await startServer({ source: 'imds' }, { now: () => state.now })
    const key = async () => {
      const { status, body } = await ask(parent.url)
      return status === 200 ? (JSON.parse(body).AccessKeyId as string) : status
    }
    return { ...parent, imds, state, key }
  }

  it('are fetched before anybody asks, and once for all', async () => {
    const { state, events, key } = await startRole()
    await vi.waitFor(() => expect(events).toHaveLength(1), 10_000)
    expect(await Promise.all(Array.from({ length: 50 }, key))).toEqual(Array(50).fill('ASIA1'))
    expect(state.fetches).toBe(1)
  })

  it('are renewed five minutes before they expire', async () => {
    const { state, key } = await startRole()
    expect(await key()).toBe('ASIA1')
    state.now += HOUR - 301_000
    expect(await key()).toBe('ASIA1')
    expect(state.fetches).toBe(1)
    state.now += 1_000
    await key()
    await vi.waitFor(async () => expect(await key()).toBe('ASIA2'), 10_000)
  })

  it('are served while they are valid when they cannot be renewed, and never longer', async () => {
    const { state, events, key } = await startRole()
    const expiration = new Date(state.now + HOUR)
    expect(await key()).toBe('ASIA1')
    state.broken = true
    state.now += HOUR - 300_000
    expect(await key()).toBe('ASIA1')
    await vi.waitFor(() => expect(events).toHaveLength(2), 10_000)
    state.now += 299_000
    expect(await key()).toBe('ASIA1')
    state.now += 1_000
    expect(await key()).toBe(503)
    state.broken = false
    state.now += 1_000
    expect(await key()).toBe('ASIA2')
    expect(events[0]).toEqual({ type: 'credentials-refreshed', source: 'imds', expiration })
    expect(events[1]).toMatchObject({
      type: 'credentials-failed',
      source: 'imds',
      error: { code: 'ERR_CREDENTIALS', message: expect.stringContaining('HTTP 500') },
      expiration,
    })
    expect(events.at(-1)).toMatchObject({ type: 'credentials-refreshed' })
  })

  it('of a file are those that stand in it now', async () => {
    const path = fileOf(ROLE_JSON)
    const { url, events } = await startServer({ source: 'file', path })
    expect((await ask(url)).body).toContain('ASIAPLANTED')
    writeFileSync(path, writeCredentials({ ...ROLE, accessKeyId: 'ASIAOTHER' }))
    expect((await ask(url)).body).toContain('ASIAOTHER')
    writeFileSync(path, '{')
    expect((await ask(url)).body).toContain('ASIAOTHER')
    expect(events.map(({ type }) => type)).toEqual([
      'credentials-refreshed',
      'credentials-refreshed',
      'credentials-failed',
    ])
  })

  it('of a file that holds expired ones are not served', async () => {
    const { url } = await startFile(writeCredentials(planted(-HOUR)))
    const { status, body } = await ask(url)
    expect(status).toBe(503)
    expect(JSON.parse(body).message).toContain('gave credentials that expired at')
  })

  it('that are the same as before are no news', async () => {
    const path = fileOf(ROLE_JSON)
    const { url, events } = await startServer({ source: 'file', path })
    await ask(url)
    writeFileSync(path, `${ROLE_JSON}\n`)
    await ask(url)
    expect(events).toHaveLength(1)
  })

  it('appear in nothing but the answer', async () => {
    const printed: unknown[] = []
    for (const stream of [process.stdout, process.stderr]) {
      const spy = vi.spyOn(stream, 'write').mockImplementation((text) => printed.push(text) > 0)
      onTestFinished(() => spy.mockRestore())
    }
    const path = fileOf(ROLE_JSON)
    const { server, events, url } = await startServer({ source: 'file', path })
    expect((await ask(url)).body).toContain('planted')
    writeFileSync(path, ROLE_JSON.slice(0, 80))
    await ask(url)
    expect(events).toHaveLength(2)
    expectNothingPlanted(server, ...events, printed)
  })

  it('are served whatever becomes of what is told about them', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const onEvent = () => {
      throw new Error('a broken log')
    }
    const { url } = await startServer({ source: 'file', path: fileOf(ROLE_JSON) }, { onEvent })
    expect((await ask(url)).status).toBe(200)
    expect(warned).toHaveBeenCalledWith(new Error('a broken log'))
  })

  it('are refused a configuration that is wrong', async () => {
    const config = { source: 'elsewhere' } as unknown as CredentialsConfig
    expect(await refusal(() => createCredentialsServer(config))).toMatchObject({ code: 'ERR_PROXY_CONFIG' })
  })
})

describe('a connection', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: parent\r\n\r\n'

  it('ends with its answer, also for a client that would go on', async () => {
    const { dial, served } = await startFile()
    const text = await read(dial(GET))
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text).toMatch(/\r\nConnection: close\r\n/)
    await vi.waitFor(() => expect(served).toEqual([{ requests: 1 }]), 10_000)
  })

  it('is answered when the client has ended its side', async () => {
    const { dial } = await startFile()
    const client = dial()
    client.end('GET / HTTP/1.0\r\n\r\n')
    expect(await read(client)).toContain('ASIAPLANTED')
  })

  it.each([
    ['what is no HTTP', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', '400'],
    ['a head that is too long', `GET / HTTP/1.1\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`, '431'],
    ['a request without a host', 'GET / HTTP/1.1\r\n\r\n', '400'],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400'],
  ])('with %s ends at once', async (_, text, status) => {
    const { dial, served } = await startFile()
    expect(await read(dial(text))).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close`, 'i'))
    await vi.waitFor(() => expect(served).toEqual([{ requests: 0 }]), 10_000)
  })

  it.each(['CONNECT evil.example:443', 'GET http://evil.example/', 'OPTIONS *'])(
    'with %s leads nowhere',
    async (line) => {
      const { dial } = await startFile()
      expect(await read(dial(`${line} HTTP/1.1\r\nHost: x\r\n\r\n`))).toMatch(/^$|^HTTP\/1\.1 404 /)
    },
  )

  it('with many requests behind one another gets one answer at most', async () => {
    const { dial, served } = await startFile()
    const text = await read(dial(GET.repeat(20_000)))
    expect(text.split('AccessKeyId').length).toBeLessThanOrEqual(2)
    await vi.waitFor(() => expect(served).toHaveLength(1), 10_000)
  })

  it('with a second request behind the first gets the answer to the first, and ends', async () => {
    const { dial, served } = await startFile()
    const text = await read(dial(GET + GET.replace('/', '/nowhere')))
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1)
    await vi.waitFor(() => expect(served).toEqual([{ requests: 1 }]), 10_000)
  })

  it('with more and more requests while the first waits is cut', async () => {
    const { dial } = await startWaiting()
    expect(await read(dial(GET.repeat(18)))).toBe('')
  })

  it('with an expectation that cannot be met gets one answer, and ends', async () => {
    const { dial, served } = await startFile()
    const text = await read(dial(GET.replace('\r\n\r\n', '\r\nExpect: foo\r\n\r\n') + GET))
    expect(text).toMatch(/^HTTP\/1\.1 417 .*Connection: close/s)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1)
    expectNothingPlanted(text)
    await vi.waitFor(() => expect(served).toEqual([{ requests: 1 }]), 10_000)
  })

  it('with a body that never ends is ended', async () => {
    const { dial, served } = await startFile()
    const client = dial('GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    client.on('error', () => undefined)
    const timer = setInterval(() => client.write('1\r\nx\r\n'), 5)
    await vi.waitFor(() => expect(served).toHaveLength(1), 10_000)
    clearInterval(timer)
  })

  it('that is slow with its request is cut, whether silent or dripping', async () => {
    const { dial, served } = await startFile()
    const dripping = dial('GET / HTTP/1.1\r\nX: ')
    dripping.on('error', () => undefined)
    const timer = setInterval(() => dripping.write('x'), 50)
    onTestFinished(() => clearInterval(timer))
    const ends = [dial(), dial('GET / HT'), dripping].map(read)
    expect(await Promise.all(ends)).toEqual(['', '', ''])
    await vi.waitFor(() => expect(served).toEqual(Array(3).fill({ requests: 0 })), 10_000)
  }, 20_000)

  /** Its role's service says nothing: for some seconds nobody is answered. */
  const startWaiting = async () => {
    await startImds(() => undefined)
    return startServer({ source: 'imds' })
  }

  it('that hangs up while it waits for an answer is forgotten', async () => {
    const { dial, served } = await startWaiting()
    const client = dial(GET)
    await once(client, 'connect')
    await sleep(50)
    client.resetAndDestroy()
    await vi.waitFor(() => expect(served).toEqual([{ requests: 1 }]), 10_000)
  })

  it('is cut by its signal', async () => {
    const { dial, served, controller } = await startWaiting()
    const client = dial(GET)
    const end = read(client)
    await once(client, 'connect')
    await sleep(50)
    controller.abort()
    expect(await end).toBe('')
    await vi.waitFor(() => expect(served).toEqual([{ requests: 1 }]), 10_000)
  })

  it('that is to be cut already is not answered', async () => {
    const { dial, served, controller } = await startFile()
    controller.abort()
    expect(await read(dial(GET))).toBe('')
    await vi.waitFor(() => expect(served).toEqual([{ requests: 0 }]), 10_000)
  })

  it('that is gone already is not begun', async () => {
    const { server } = await startFile()
    const gone = new net.Socket()
    gone.destroy()
    await once(gone, 'close')
    expect(await server.serve(gone, new AbortController().signal)).toEqual({ requests: 0 })
  })

  it('goes on after the server has been closed', async () => {
    const { server, url } = await startFile()
    server.close()
    expect((await ask(url)).status).toBe(200)
  })
})
