import type { IncomingMessage, ServerResponse } from 'node:http'
import type net from 'node:net'
import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { AwsCredentialIdentity } from '@smithy/types'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createKmsClient, type KmsClientOptions } from '../../../enclave/kms/client.js'
import { pushedCredentials } from '../../../enclave/kms/credentials.js'
import { diagnosisOf } from '../../../enclave/kms/diagnose.js'
import { fromParent } from '../../../enclave/kms/parent-credentials.js'
import type { GivenCredentials } from '../../../enclave/kms/refreshed-credentials.js'
import { writeCredentials } from '../../../shared/credentials/container-shape.js'
import { listen, unixTransport } from '../../../shared/vsock/index.js'
import { temporaryFolder } from '../../support/cli.js'
import { type Authority, createAuthority, startHttps } from './tls-support.js'

const REGION = 'eu-central-1'
const HOST = `kms.${REGION}.amazonaws.com`
const HOUR = 3_600_000

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})

const identity = (number: number, lifetime = HOUR): AwsCredentialIdentity & { expiration: Date } => ({
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret',
  sessionToken: `token-${number}`,
  expiration: new Date(Date.now() + lifetime),
})

type Verdict = boolean | 'ThrottlingException'

/** A KMS that takes what `accepts` says of a session token, or calls it expired. */
async function kms(accepts: (token: string) => Verdict | Promise<Verdict>) {
  const tokens: string[] = []
  const handler = async (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    const token = String(request.headers['x-amz-security-token'])
    tokens.push(token)
    const verdict = await accepts(token)
    if (verdict === true) {
      response.end('{"KeyMetadata":{"KeyId":"a"}}')
      return
    }
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify({ __type: verdict || 'ExpiredTokenException', message: 'no' }))
  }
  const server = await startHttps(await authority.issue(HOST), (...args) => void handler(...args))
  onTestFinished(() => server.close())
  return { dial: server.dial, tokens }
}

function clientWith(
  credentials: GivenCredentials,
  dial: () => net.Socket,
  options: Partial<KmsClientOptions> = {},
): KMSClient {
  const trustAnchors = [authority.certificate]
  // One attempt: the retry is not the SDK's.
  const client = createKmsClient({
    region: REGION,
    credentials,
    trustAnchors,
    dial,
    maxAttempts: 1,
    ...options,
  })
  onTestFinished(() => client.destroy())
  return client
}

const call = (client: KMSClient) => client.send(new DescribeKeyCommand({ KeyId: 'a' }))

/** Answers false to all when `count` have asked. */
function together(count: number): () => Promise<false> {
  let waiting = 0
  let open = () => {}
  const all = new Promise<void>((resolve) => {
    open = resolve
  })
  return async () => {
    waiting++
    if (waiting === count) open()
    await all
    return false
  }
}

/** Gives number 1 until it is forced; each force gives the next. */
function renewing() {
  const state = { number: 1, asked: 0, forced: 0 }
  const provider = async (options: { forceRefresh?: boolean } = {}) => {
    state.asked++
    if (options.forceRefresh === true) {
      state.forced++
      state.number++
    }
    return identity(state.number)
  }
  return { state, provider }
}

describe("a provider's credentials", () => {
  it('are asked for once, by calls at the same time and by later ones', async () => {
    const { dial } = await kms(() => true)
    const { state, provider } = renewing()
    const client = clientWith(provider, dial)
    await Promise.all(Array.from({ length: 20 }, () => call(client)))
    await call(client)
    expect(state).toEqual({ number: 1, asked: 1, forced: 0 })
  })

  it('are renewed before they expire, and kept when that fails', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { dial, tokens } = await kms(() => true)
    let asked = 0
    const client = clientWith(async () => {
      asked++
      if (asked > 1) throw new Error('nobody there')
      // In its last minute: every call would rather have others.
      return identity(1, 50_000)
    }, dial)
    await call(client)
    vi.setSystemTime(Date.now() + 45_000)
    await call(client)
    expect(asked).toBe(2)
    expect(tokens).toEqual(['token-1', 'token-1'])
  })

  it.each([
    ['', {}],
    [', also where the provider says that it keeps none', { memoized: false }],
  ])('are none: said as such%s', async (_, mark) => {
    const { dial } = await kms(() => true)
    const provider = Object.assign(async () => undefined, mark)
    await expect(call(clientWith(provider as never, dial))).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: 'the provider of credentials gave none',
    })
  })
})

describe('credentials that KMS calls expired', () => {
  it('are fetched anew, and the call succeeds', async () => {
    const { dial, tokens } = await kms((token) => token === 'token-2')
    const { state, provider } = renewing()
    const client = clientWith(provider, dial)
    await call(client)
    await call(client)
    expect(tokens).toEqual(['token-1', 'token-2', 'token-2'])
    expect(state).toEqual({ number: 2, asked: 2, forced: 1 })
  })

  it('are fetched once by 50 calls that hear it at the same time', async () => {
    const refused = together(50)
    const { dial, tokens } = await kms(async (token) => token !== 'token-1' || refused())
    const { state, provider } = renewing()
    const client = clientWith(provider, dial, { requestTimeout: 60_000, connectTimeout: 60_000 })
    await Promise.all(Array.from({ length: 50 }, () => call(client)))
    expect(state).toEqual({ number: 2, asked: 2, forced: 1 })
    expect(tokens.filter((token) => token === 'token-2')).toHaveLength(50)
  })

  it('are not fetched again by a call whose credentials were replaced meanwhile', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let first = true
    const { dial, tokens } = await kms(async (token) => {
      if (token !== 'token-1') return true
      if (first) {
        first = false
        await held
      }
      return false
    })
    const { state, provider } = renewing()
    const client = clientWith(provider, dial)
    const slow = call(client)
    while (first) await new Promise((resolve) => setImmediate(resolve))
    await call(client)
    expect(state.forced).toBe(1)
    release()
    await slow
    expect(state.forced).toBe(1)
    expect(tokens).toEqual(['token-1', 'token-1', 'token-2', 'token-2'])
  })

  it('are fetched once also where the provider keeps what it has by itself', async () => {
    const refused = together(20)
    const { dial } = await kms(async (token) => token !== 'token-1' || refused())
    const { state, provider } = renewing()
    const slow = async (options: { forceRefresh?: boolean } = {}) => {
      const given = await provider(options)
      await new Promise((resolve) => setTimeout(resolve, 20))
      return given
    }
    const client = clientWith(Object.assign(slow, { memoized: true }), dial)
    await Promise.all(Array.from({ length: 20 }, () => call(client)))
    expect(state.forced).toBe(1)
  })

  it('are replaced once a call, though the SDK tries it again for another reason', async () => {
    let throttled = false
    const { dial, tokens } = await kms((token) => {
      if (token === 'token-1' || throttled) return false
      throttled = true
      return 'ThrottlingException'
    })
    const { state, provider } = renewing()
    const sent = call(clientWith(provider, dial, { maxAttempts: 3 }))
    await expect(sent).rejects.toMatchObject({ name: 'ExpiredTokenException' })
    expect(tokens).toEqual(['token-1', 'token-2', 'token-2'])
    expect(state.forced).toBe(1)
  })

  it('are replaced once a call, also where the SDK tries again', async () => {
    const { dial, tokens } = await kms(() => false)
    const { state, provider } = renewing()
    const error = await call(clientWith(provider, dial, { maxAttempts: 3 })).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ name: 'ExpiredTokenException' })
    expect(diagnosisOf(error)).toMatchObject({
      code: 'EXPIRED_CREDENTIALS',
      likely: expect.stringContaining('so have those that the provider gave instead'),
    })
    expect(tokens).toEqual(['token-1', 'token-2'])
    expect(state.forced).toBe(1)
  })

  it('are not tried again when the provider gives the same', async () => {
    const { dial, tokens } = await kms(() => false)
    const error = await call(clientWith(async () => identity(1), dial)).catch((reason: unknown) => reason)
    expect(diagnosisOf(error)?.likely).toContain('gave the same ones')
    expect(tokens).toEqual(['token-1'])
  })

  it('are not tried again when the provider fails, whose error is the cause', async () => {
    const { dial } = await kms(() => false)
    const cause = new Error('nobody there')
    const client = clientWith(async ({ forceRefresh = false } = {}) => {
      if (forceRefresh) throw cause
      return identity(1)
    }, dial)
    const error = await call(client).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ExpiredTokenException', cause })
    expect(diagnosisOf(error)?.likely).toContain('the provider failed')
  })

  it('are fetched for a later call where that failed for an earlier one', async () => {
    const { dial, tokens } = await kms((token) => token === 'token-2')
    const { state, provider } = renewing()
    let there = false
    const fromElsewhere = async (options: { forceRefresh?: boolean } = {}) => {
      if (options.forceRefresh === true && !there) throw new Error('nobody there')
      return provider(options)
    }
    const client = clientWith(Object.assign(fromElsewhere, { memoized: true }), dial)
    await expect(call(client)).rejects.toMatchObject({ name: 'ExpiredTokenException' })
    there = true
    await call(client)
    expect(tokens).toEqual(['token-1', 'token-1', 'token-2'])
    expect(state.forced).toBe(1)
  })

  it('are not tried again when they are fixed, which is said', async () => {
    const { dial, tokens } = await kms(() => false)
    const error = await call(clientWith(identity(1), dial)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ExpiredTokenException', $metadata: { httpStatusCode: 400 } })
    expect(diagnosisOf(error)).toMatchObject({
      code: 'EXPIRED_CREDENTIALS',
      likely: expect.stringContaining('fixed ones'),
      next: expect.stringContaining('fromParent()'),
    })
    expect(tokens).toEqual(['token-1'])
  })

  it('are those that the client was made with, where they are fixed', async () => {
    const { dial, tokens } = await kms(() => true)
    const given = identity(1)
    const client = clientWith(given, dial)
    Object.assign(given, { sessionToken: 'another' })
    await call(client)
    expect(tokens).toEqual(['token-1'])
  })

  it('are not the reason of a second call for another refusal', async () => {
    const server = await startHttps(await authority.issue(HOST), (_, response) => {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(JSON.stringify({ __type: 'UnrecognizedClientException', message: 'invalid' }))
    })
    onTestFinished(() => server.close())
    const { state, provider } = renewing()
    await expect(call(clientWith(provider, server.dial))).rejects.toThrow('invalid')
    expect(state.forced).toBe(0)
  })

  it('end with the call that is aborted while the provider thinks', async () => {
    const controller = new AbortController()
    const { dial } = await kms(() => false)
    const client = clientWith(async ({ forceRefresh = false } = {}) => {
      if (!forceRefresh) return identity(1)
      controller.abort()
      return new Promise<never>(() => undefined)
    }, dial)
    const sent = client.send(new DescribeKeyCommand({ KeyId: 'a' }), { abortSignal: controller.signal })
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('pushed credentials', () => {
  it('are used by the next call, also as the pair that createKmsClient takes', async () => {
    const { dial, tokens } = await kms(() => true)
    const pushed = pushedCredentials()
    for (const client of [clientWith(pushed, dial), clientWith(pushed.provider, dial)]) {
      pushed.push(identity(1))
      await call(client)
      pushed.push(identity(2))
      await call(client)
    }
    expect(tokens).toEqual(['token-1', 'token-2', 'token-1', 'token-2'])
  })

  it('that came while a call was refused are used by that call', async () => {
    const pushed = pushedCredentials()
    pushed.push(identity(1))
    const { dial, tokens } = await kms((token) => {
      pushed.push(identity(2))
      return token === 'token-2'
    })
    await call(clientWith(pushed, dial))
    expect(tokens).toEqual(['token-1', 'token-2'])
  })

  it('that are refused are the parent’s to replace', async () => {
    const pushed = pushedCredentials()
    pushed.push(identity(1))
    const { dial, tokens } = await kms(() => false)
    const error = await call(clientWith(pushed, dial)).catch((reason: unknown) => reason)
    expect(diagnosisOf(error)?.next).toContain('push new ones')
    expect(tokens).toEqual(['token-1'])
  })
})

describe("the parent's credentials", () => {
  it('are fetched from it again when KMS calls them expired', async () => {
    const transport = unixTransport(temporaryFolder())
    const server = await listen({ cid: 3, port: 8001, transport })
    onTestFinished(() => void server.close())
    let fetched = 0
    server.on('connection', (socket) => {
      socket.once('data', () => {
        const body = writeCredentials(identity(++fetched))
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      })
    })
    const { dial, tokens } = await kms((token) => token === 'token-2')
    const client = clientWith(fromParent({ transport }), dial)
    await Promise.all([call(client), call(client)])
    await call(client)
    expect(fetched).toBe(2)
    expect(new Set(tokens)).toEqual(new Set(['token-1', 'token-2']))
  })
})

describe('what is no credentials', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'planted'],
    ['half an identity', { accessKeyId: 'planted' }],
    ['the other half', { secretAccessKey: 'planted' }],
    ['a pair without a provider', { provider: {} }],
  ])('%s', (_, credentials) => {
    expect(() => createKmsClient({ region: REGION, credentials: credentials as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_USAGE',
        message: expect.stringMatching(/^credentials: (?!.*planted)/),
      }),
    )
  })
})
