import { once } from 'node:events'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Dial, EnclaveAgent, type EnclaveAgentOptions, phaseOf } from '../../../enclave/kms/agent.js'
import { type Authority, createAuthority, startHttps, startTcp, type TestServer } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'

let authority: Authority
let stranger: Authority
beforeAll(async () => {
  authority = await createAuthority()
  // The same name: names do not make trust.
  stranger = await createAuthority()
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function kept(starting: Promise<TestServer>): Promise<TestServer> {
  const server = await starting
  cleanups.push(() => server.close())
  return server
}

async function greeter(options: https.ServerOptions = {}, by = authority, host = HOST): Promise<TestServer> {
  return kept(startHttps({ ...(await by.issue(host)), ...options }, (_, response) => response.end('hello')))
}

function agentOver(dial: Dial, options: Partial<EnclaveAgentOptions> = {}): EnclaveAgent {
  const agent = new EnclaveAgent({ host: HOST, dial, trustAnchors: [authority.certificate], ...options })
  cleanups.push(() => agent.destroy())
  return agent
}

interface Answer {
  body: string
  socket: tls.TLSSocket
}

function get(agent: EnclaveAgent, options: https.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: HOST, ...options, agent }, (response) => {
      const socket = response.socket as tls.TLSSocket
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ body, socket }))
    })
    request.on('error', reject)
  })
}

describe('a trusted server', () => {
  it('answers, over TLS 1.3', async () => {
    const server = await greeter()
    const { body, socket } = await get(agentOver(server.dial))
    expect(body).toBe('hello')
    expect(socket.authorized).toBe(true)
    expect(socket.getProtocol()).toBe('TLSv1.3')
  })
  it('is sent the host by SNI', async () => {
    const names: string[] = []
    const identity = await authority.issue(HOST)
    const SNICallback: https.ServerOptions['SNICallback'] = (name, done) => {
      names.push(name)
      done(null, tls.createSecureContext(identity))
    }
    const server = await greeter({ SNICallback })
    await get(agentOver(server.dial), { servername: 'elsewhere.example' })
    expect(names).toEqual([HOST])
  })
  it('keeps the connection, and resumes the TLS session on another', async () => {
    const server = await greeter()
    const agent = agentOver(server.dial)
    const first = await get(agent)
    const second = await get(agent)
    expect(server.carriers).toHaveLength(1)
    expect(second.socket).toBe(first.socket)
    first.socket.end()
    await once(first.socket, 'close')
    const third = await get(agent)
    expect(server.carriers).toHaveLength(2)
    expect(third.socket.isSessionReused()).toBe(true)
    expect(third.socket.authorized).toBe(true)
  })
  it('resumes the session on nine of ten connections, one after the other', async () => {
    const server = await greeter()
    const agent = agentOver(server.dial)
    const resumed: boolean[] = []
    for (let count = 0; count < 10; count++) {
      const { socket } = await get(agent)
      resumed.push(socket.isSessionReused())
      socket.end()
      await once(socket, 'close')
    }
    expect(server.carriers).toHaveLength(10)
    expect(resumed).toEqual([false, ...Array(9).fill(true)])
  })
  it('gets no more than maxSockets connections', async () => {
    const server = await greeter()
    const agent = agentOver(server.dial, { maxSockets: 2 })
    await Promise.all([1, 2, 3, 4, 5].map(() => get(agent)))
    expect(server.carriers).toHaveLength(2)
    expect(agentOver(server.dial).maxSockets).toBe(50)
  })
  it('loses both sockets when the agent is destroyed', async () => {
    const server = await greeter()
    const agent = agentOver(server.dial)
    const { socket } = await get(agent)
    agent.destroy()
    await once(socket, 'close')
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([true])
  })
})

it('a server is offered ciphers with forward secrecy and AEAD, and no others', async () => {
  const hellos: Buffer[] = []
  const server = await kept(
    startTcp((socket) => {
      socket.once('data', (hello: Buffer) => {
        hellos.push(hello)
        socket.destroy()
      })
    }),
  )
  await expect(get(agentOver(server.dial))).rejects.toThrow()
  // RFC 8446, sections 5.1 and 4.1.2: heads of record and handshake, version and random, the session id, the suites.
  const [hello = Buffer.alloc(0)] = hellos
  const from = 5 + 4 + 2 + 32
  const start = from + 1 + (hello[from] ?? 0)
  const suites = hello.subarray(start + 2, start + 2 + hello.readUInt16BE(start))
  const offered = Array.from({ length: suites.length / 2 }, (_, i) => suites.readUInt16BE(2 * i).toString(16))
  // 00ff is no cipher: it says that there is no renegotiation (RFC 5746, section 3.3).
  expect(offered.filter((suite) => suite !== 'ff')).toEqual([
    // TLS 1.3.
    ...['1302', '1301', '1303'],
    // TLS 1.2: ECDHE with ECDSA or RSA, and AES-GCM.
    ...['c02b', 'c02f', 'c02c', 'c030'],
  ])
})

describe('a server that is not trusted', () => {
  it.each([
    ['another authority', async () => greeter({}, stranger), /SIGNATURE|CERT|ISSUER/],
    ['another name', async () => greeter({}, authority, 'kms.eu-west-1.amazonaws.com'), /ALTNAME_INVALID/],
    [
      'an expired certificate',
      async () => {
        const yesterday = { notBefore: new Date(Date.now() - 2e8), notAfter: new Date(Date.now() - 1e8) }
        return greeter(await authority.issue(HOST, yesterday))
      },
      /CERT_HAS_EXPIRED/,
    ],
    [
      'TLS 1.1',
      async () => greeter({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
      /^ERR_SSL_|^EPROTO$/,
    ],
    [
      'a cipher without AEAD',
      async () => greeter({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }),
      /^ERR_SSL_|^EPROTO$/,
    ],
  ])('%s', async (_, start, code) => {
    const server = await start()
    await expect(get(agentOver(server.dial))).rejects.toMatchObject({ code: expect.stringMatching(code) })
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([true])
  })

  it("stays so when somebody replaces Node's own check of the name", async () => {
    const server = await greeter({}, authority, 'elsewhere.example')
    vi.spyOn(tls, 'checkServerIdentity').mockReturnValue(undefined)
    await expect(get(agentOver(server.dial))).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('stays so, whatever the options of a request say', async () => {
    const wrongCa = await greeter({}, stranger)
    const wrongName = await greeter({}, authority, 'elsewhere.example')
    const options: https.RequestOptions & tls.ConnectionOptions = {
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ca: stranger.certificate,
      servername: 'elsewhere.example',
      secureContext: tls.createSecureContext({ ca: stranger.certificate }),
      headers: { host: 'elsewhere.example' },
      ALPNProtocols: ['elsewhere'],
    }
    const good = await greeter()
    expect((await get(agentOver(good.dial), options)).body).toBe('hello')
    for (const { dial } of [wrongCa, wrongName]) {
      await expect(get(agentOver(dial), options)).rejects.toThrow()
    }
    // And whatever somebody puts into the agent's own options afterwards.
    for (const { dial } of [wrongCa, wrongName]) {
      const agent = agentOver(dial)
      Object.assign(agent.options, options)
      await expect(get(agent)).rejects.toThrow()
    }
  })
})

describe('a connection that fails', () => {
  it('refused', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    server.close()
    await once(server, 'close')
    const carrier = net.connect(port, '127.0.0.1')
    await expect(get(agentOver(() => carrier))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(carrier.destroyed).toBe(true)
  })
  it('no such Unix socket', async () => {
    const carrier = net.connect('/nonexistent/socket')
    await expect(get(agentOver(() => carrier))).rejects.toMatchObject({ code: 'ENOENT' })
  })
  it('hung up before the handshake', async () => {
    const server = await kept(startTcp((socket) => socket.destroy()))
    await expect(get(agentOver(server.dial))).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([true])
  })
  it.each([
    ['while it connects', 0],
    ['during the handshake', 50],
  ])('an error of the carrier %s', async (_, delay) => {
    const server = await kept(startTcp(() => undefined))
    const call = get(agentOver(server.dial))
    const error = Object.assign(new Error('unreachable'), { code: 'EHOSTUNREACH' })
    setTimeout(() => server.carriers[0]?.destroy(error), delay)
    await expect(call).rejects.toBe(error)
  })
  it('an error of the carrier in the middle of an answer', async () => {
    const identity = await authority.issue(HOST)
    const server = await kept(startHttps(identity, (_, response) => response.write('he')))
    const agent = agentOver(server.dial)
    const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const [response] = await once(
      https.get({ host: HOST, agent }).on('error', () => undefined),
      'response',
    )
    const failed = once(response, 'error').catch((reason: unknown) => [reason])
    response.resume()
    server.carriers[0]?.destroy(error)
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    expect(response.socket.destroyed).toBe(true)
  })
  it('dial throws', async () => {
    const error = Object.assign(new Error('no device'), { code: 'ENODEV' })
    const agent = agentOver(() => {
      throw error
    })
    await expect(get(agent)).rejects.toBe(error)
  })
  it.each(['no device', null, undefined])('dial throws what is no error: %s', async (thrown) => {
    const agent = agentOver(() => {
      throw thrown
    })
    const error = await get(agent).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ message: 'dial threw no error', cause: thrown })
  })
  it('a carrier that failed before it was handed out', async () => {
    const error = Object.assign(new Error('no transport'), { code: 'ENODEV' })
    await expect(get(agentOver(() => new net.Socket().destroy(error)))).rejects.toBe(error)
  })
  it('a carrier that is closed', async () => {
    const dial = () => new net.Socket().destroy()
    await expect(get(agentOver(dial))).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
  it('dial never gets through: ETIMEDOUT', async () => {
    const carrier = net.connect({ host: HOST, port: 443, lookup: () => undefined })
    const call = get(agentOver(() => carrier, { connectTimeout: 50 }))
    await expect(call).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(carrier.destroyed).toBe(true)
  })
  it('the handshake gets no answer: ETIMEDOUT', async () => {
    const server = await kept(startTcp(() => undefined))
    const call = get(agentOver(server.dial, { connectTimeout: 50 }))
    await expect(call).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([true])
  })
  it('dial hears when nobody waits for it any more', async () => {
    const server = await kept(startTcp(() => undefined))
    const signals: (AbortSignal | undefined)[] = []
    const dial: Dial = ({ signal }) => {
      signals.push(signal)
      return server.dial()
    }
    const call = get(agentOver(dial, { connectTimeout: 50 }))
    expect(signals.map((signal) => signal?.aborted)).toEqual([false])
    await expect(call).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true))
  })
  it('the deadline is over with the handshake', async () => {
    const identity = await authority.issue(HOST)
    const slow = (_: unknown, response: { end(body: string): void }) =>
      setTimeout(() => response.end('late'), 400)
    const server = await kept(startHttps(identity, slow))
    expect((await get(agentOver(server.dial, { connectTimeout: 200 }))).body).toBe('late')
  })
})

describe('of an error is known what was going on', () => {
  const broken = () => Object.assign(new Error('broken'), { code: 'ECONNRESET' })
  const soon = (carrier: net.Socket, error: Error) => setImmediate(() => carrier.destroy(error))

  it('dialling, when dial throws', async () => {
    const error = broken()
    const agent = agentOver(() => {
      throw error
    })
    await expect(get(agent)).rejects.toBe(error)
    expect(phaseOf(error)).toBe('dial')
  })
  it('dialling, until the carrier is connected', async () => {
    const error = broken()
    const carrier = net.connect({ host: HOST, port: 443, lookup: () => undefined })
    soon(carrier, error)
    await expect(get(agentOver(() => carrier))).rejects.toBe(error)
    expect(phaseOf(error)).toBe('dial')
  })
  it('the handshake, once the carrier is connected', async () => {
    const error = broken()
    const server = await kept(startTcp(() => undefined))
    const carrier = server.dial().once('connect', () => soon(carrier, error))
    await expect(get(agentOver(() => carrier))).rejects.toBe(error)
    expect(phaseOf(error)).toBe('handshake')
  })
  it('the handshake, when the carrier was connected before', async () => {
    const error = broken()
    const server = await kept(startTcp(() => undefined))
    const carrier = server.dial()
    await once(carrier, 'connect')
    soon(carrier, error)
    await expect(get(agentOver(() => carrier))).rejects.toBe(error)
    expect(phaseOf(error)).toBe('handshake')
  })
  it('neither of them, once TLS has begun', async () => {
    const error = broken()
    const identity = await authority.issue(HOST)
    const server = await kept(startHttps(identity, () => server.carriers[0]?.destroy(error)))
    await expect(get(agentOver(server.dial))).rejects.toBe(error)
    expect(phaseOf(error)).toBeUndefined()
  })
})
