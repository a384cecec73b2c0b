import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import net from 'node:net'
import { GenerateRandomCommand, type KMSClient, KMSServiceException } from '@aws-sdk/client-kms'
import type { NodeHttpHandler } from '@smithy/node-http-handler'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createKmsClient, type KmsClientOptions } from '../../../enclave/kms/client.js'
import { createRecipient, type Recipient } from '../../../enclave/kms/recipient.js'
import type { Nsm } from '../../../enclave/nsm/requests.js'
import { OperationError } from '../../../shared/errors.js'
import { importPublicKey, seal } from './support.js'
import { type Authority, createAuthority, startHttps, startTcp, type TestServer } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'
const PLAINTEXT = Buffer.from('0123456789abcdef0123456789abcdef')

/** A document that is the public key, so that a canned KMS can seal to it. */
const nsm: Nsm = {
  request: async (request) =>
    ({ type: 'Attestation', document: 'publicKey' in request ? request.publicKey : undefined }) as never,
  close: () => undefined,
}

let authority: Authority
let stranger: Authority
let recipient: Recipient
beforeAll(async () => {
  authority = await createAuthority()
  stranger = await createAuthority()
  recipient = await createRecipient({ nsm })
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function kept(starting: Promise<TestServer>): Promise<TestServer> {
  const server = await starting
  cleanups.push(() => server.close())
  return server
}

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

async function kms(handler: Handler, by = authority, host = HOST): Promise<TestServer> {
  return kept(startHttps(await by.issue(host), (request, response) => void handler(request, response)))
}

async function bodyOf(request: IncomingMessage): Promise<{ Recipient?: { AttestationDocument: string } }> {
  return JSON.parse(Buffer.concat(await request.toArray()).toString())
}

/** Answers GenerateRandom with what `fields` makes of the sealed value. */
function answering(
  fields: (sealed: string) => Record<string, unknown>,
  value: Uint8Array = PLAINTEXT,
): Handler {
  return async (request, response) => {
    const { Recipient } = await bodyOf(request)
    const key = await importPublicKey(Buffer.from(Recipient?.AttestationDocument ?? '', 'base64'))
    const sealed = Buffer.from(await seal(value, key)).toString('base64')
    response.end(JSON.stringify(fields(sealed)))
  }
}

const wellBehaved = answering((CiphertextForRecipient) => ({ CiphertextForRecipient }))

function clientOver(dial: () => net.Socket, options: Partial<KmsClientOptions> = {}): KMSClient {
  const client = createKmsClient({
    region: 'eu-central-1',
    recipient,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    trustAnchors: [authority.certificate],
    maxAttempts: 1,
    dial,
    ...options,
  })
  cleanups.push(() => client.destroy())
  return client
}

const random = () => new GenerateRandomCommand({ NumberOfBytes: 32 })

const NO_CAUSE = Symbol('no cause')

async function expectCode(
  call: Promise<unknown>,
  code: string,
  cause: unknown = expect.any(Error),
): Promise<void> {
  const error: unknown = await call.then(
    () => 'no error',
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(OperationError)
  expect(error).toMatchObject(cause === NO_CAUSE ? { code } : { code, cause })
  if (cause === NO_CAUSE) expect(error).not.toHaveProperty('cause')
}

describe('a call', () => {
  it('reaches KMS by TLS, signed for the region, and its answer is opened', async () => {
    const requests: IncomingMessage[] = []
    const server = await kms((request, response) => {
      requests.push(request)
      return wellBehaved(request, response)
    })
    const { Plaintext } = await clientOver(server.dial).send(random())
    expect(Buffer.from(Plaintext ?? [])).toEqual(PLAINTEXT)
    const [{ headers, url, method } = {} as IncomingMessage] = requests
    expect({ url, method, host: headers.host }).toEqual({ url: '/', method: 'POST', host: HOST })
    expect(headers['x-amz-target']).toBe('TrentService.GenerateRandom')
    expect(headers.authorization).toContain('/eu-central-1/kms/aws4_request')
  })
  it('without a recipient is a call like any other', async () => {
    const server = await kms((_, response) =>
      response.end(JSON.stringify({ Plaintext: PLAINTEXT.toString('base64') })),
    )
    const { Plaintext } = await clientOver(server.dial, { recipient: undefined }).send(random())
    expect(Buffer.from(Plaintext ?? [])).toEqual(PLAINTEXT)
  })
  it('goes to the FIPS endpoint when asked', async () => {
    const host = `kms-fips.eu-central-1.amazonaws.com`
    const server = await kms(wellBehaved, authority, host)
    expect((await clientOver(server.dial, { fips: true }).send(random())).Plaintext).toHaveLength(32)
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_TLS')
  })
  it('goes to a host of its own when told, signed for the region all the same', async () => {
    const host = 'vpce-1.kms.eu-central-1.vpce.amazonaws.com'
    const requests: IncomingMessage[] = []
    const handler: Handler = (request, response) => {
      requests.push(request)
      return wellBehaved(request, response)
    }
    const server = await kms(handler, authority, host)
    expect((await clientOver(server.dial, { host }).send(random())).Plaintext).toHaveLength(32)
    const [{ headers } = {} as IncomingMessage] = requests
    expect(headers.host).toBe(host)
    expect(headers.authorization).toContain('/eu-central-1/kms/aws4_request')
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_TLS')
  })
  it('shows nothing secret to a logger', async () => {
    const lines: unknown[] = []
    const log = (...words: unknown[]) => void lines.push(...words)
    const logger = { trace: log, debug: log, info: log, warn: log, error: log }
    const server = await kms(wellBehaved)
    await clientOver(server.dial, { logger }).send(random())
    expect(lines.length).toBeGreaterThan(0)
    const text = JSON.stringify(lines)
    expect(text).toContain('GenerateRandomCommand')
    expect(text).not.toContain(PLAINTEXT.toString('base64'))
    expect(text).not.toContain(JSON.stringify(Object.fromEntries(PLAINTEXT.entries())))
  })
  it('has the logger hear of what the connections have to say', async () => {
    const logger = { trace: vi.fn(), debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const server = await kms(wellBehaved)
    const client = clientOver(server.dial, { logger })
    await client.send(random())
    const handler = client.config.requestHandler as unknown as NodeHttpHandler
    expect(handler.httpHandlerConfigs().logger).toBe(logger)
  })
  it.each([
    ['opened when the client is made, when that is asked for', true, 1],
    ['not opened before there is one, when it is not', false, 0],
    ['not opened before there is one, when nothing is said', undefined, 0],
  ])('has a connection that is %s', async (_, connectAhead, carriers) => {
    const server = await kms(wellBehaved)
    clientOver(server.dial, { connectAhead })
    expect(server.carriers).toHaveLength(carriers)
  })
  it('ends with destroy()', async () => {
    const server = await kms(wellBehaved)
    const client = clientOver(server.dial)
    await client.send(random())
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([false])
    const [carrier] = server.carriers
    client.destroy()
    await once(carrier ?? new net.Socket(), 'close')
    expect(carrier?.destroyed).toBe(true)
  })
})

describe('a KMS that does not answer for the recipient', () => {
  const clear = PLAINTEXT.toString('base64')
  it.each([
    ['Plaintext in spite of it', () => ({ Plaintext: clear })],
    ['both', (CiphertextForRecipient: string) => ({ CiphertextForRecipient, Plaintext: clear })],
    ['neither', () => ({})],
  ])('%s', async (_, fields) => {
    const server = await kms(answering(fields))
    const call = clientOver(server.dial).send(random())
    await expectCode(call, 'ERR_KMS_IGNORED_RECIPIENT', NO_CAUSE)
  })
  it.each([31, 33, 0])('%d bytes instead of 32', async (length) => {
    const server = await kms(
      answering((CiphertextForRecipient) => ({ CiphertextForRecipient }), new Uint8Array(length)),
    )
    await expectCode(clientOver(server.dial).send(random()), 'ERR_ENVELOPE', NO_CAUSE)
  })
})

describe('a server that is not KMS', () => {
  it('another authority', async () => {
    const server = await kms(wellBehaved, stranger)
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_TLS')
  })
  it('not one of Amazon, when nothing is said about trust', async () => {
    const server = await kms(wellBehaved)
    const call = clientOver(server.dial, { trustAnchors: undefined }).send(random())
    await expectCode(call, 'ERR_KMS_TLS')
  })
  it('another name', async () => {
    const server = await kms(wellBehaved, authority, 'kms.eu-west-1.amazonaws.com')
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_TLS')
  })
  it('no TLS', async () => {
    const server = await kept(startTcp((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')))
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_TLS')
  })
  it('is not tried again', async () => {
    const server = await kms(wellBehaved, stranger)
    await expectCode(clientOver(server.dial, { maxAttempts: 3 }).send(random()), 'ERR_KMS_TLS')
    expect(server.carriers).toHaveLength(1)
  })
})

describe('a KMS that is slow', () => {
  const part = '{"KeyId":"'
  it.each([
    ['to shake hands', undefined],
    ['to answer', () => undefined],
    ['after the headers', (_: unknown, response: ServerResponse) => response.write(part)],
    [
      'byte by byte',
      (_: unknown, response: ServerResponse) => {
        const timer = setInterval(() => response.write('a'), 20)
        response.write(part)
        response.on('close', () => clearInterval(timer))
      },
    ],
  ])('%s: ERR_KMS_TIMEOUT', async (_, handler) => {
    const server = handler ? await kms(handler) : await kept(startTcp(() => undefined))
    const start = performance.now()
    const call = clientOver(server.dial, { connectTimeout: 300, requestTimeout: 300 }).send(random())
    await expectCode(call, 'ERR_KMS_TIMEOUT')
    expect(performance.now() - start).toBeLessThan(5_000)
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([true])
  })
  it('every attempt has its own deadline, with the same document', async () => {
    const documents: (string | undefined)[] = []
    const server = await kms(async (request) => {
      documents.push((await bodyOf(request)).Recipient?.AttestationDocument)
    })
    await expectCode(
      clientOver(server.dial, { requestTimeout: 200, maxAttempts: 3 }).send(random()),
      'ERR_KMS_TIMEOUT',
    )
    expect(documents).toHaveLength(3)
    expect(new Set(documents).size).toBe(1)
  })
})

describe('a connection that fails', () => {
  it('refused', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    server.close()
    await once(server, 'close')
    const call = clientOver(() => net.connect(port, '127.0.0.1')).send(random())
    await expectCode(call, 'ERR_KMS_CONNECTION', expect.objectContaining({ code: 'ECONNREFUSED' }))
  })
  it('nothing there', async () => {
    const call = clientOver(() => net.connect('/nonexistent/socket')).send(random())
    await expectCode(call, 'ERR_KMS_CONNECTION', expect.objectContaining({ code: 'ENOENT' }))
  })
  it('reset before the answer', async () => {
    const server = await kms((request) => request.socket.destroy())
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_CONNECTION')
  })
  it('cut off in the middle of the answer', async () => {
    const server = await kms((request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"Key')
      setTimeout(() => request.socket.destroy(), 50)
    })
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_CONNECTION')
  })
  it('an answer without end', async () => {
    const server = await kms((_request, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(64 * 1024, 0x20))) if (response.destroyed) return
      }
      response.on('drain', more)
      more()
    })
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_CONNECTION', NO_CAUSE)
  })
  it('not HTTP', async () => {
    const server = await kms((request) => request.socket.end('SSH-2.0-x\r\n\r\n'))
    await expectCode(clientOver(server.dial).send(random()), 'ERR_KMS_CONNECTION')
  })
  it('is tried again', async () => {
    const server = await kms(wellBehaved)
    let dials = 0
    const dial = () => {
      if (++dials > 1) return server.dial()
      const socket = new net.Socket()
      process.nextTick(() => socket.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' })))
      return socket
    }
    expect((await clientOver(dial, { maxAttempts: 3 }).send(random())).Plaintext).toHaveLength(32)
    expect(dials).toBe(2)
  })
})

describe('what passes', () => {
  it("KMS's own exceptions, with what they say", async () => {
    const server = await kms((_, response) => {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(JSON.stringify({ __type: 'AccessDeniedException', Message: 'not authorized' }))
    })
    const error: unknown = await clientOver(server.dial)
      .send(random())
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(KMSServiceException)
    expect(error).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(/^not authorized \(AccessDeniedException\)\. Likely: /),
    })
  })
  it('an abort', async () => {
    const controller = new AbortController()
    const server = await kms(() => controller.abort())
    const call = clientOver(server.dial).send(random(), { abortSignal: controller.signal })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  })
  it("the credentials provider's own trouble with a network", async () => {
    const error = Object.assign(new Error('no credentials'), { code: 'ECONNREFUSED' })
    const credentials = async () => {
      throw error
    }
    const server = await kms(wellBehaved)
    await expect(clientOver(server.dial, { credentials }).send(random())).rejects.toBe(error)
    expect(server.carriers).toEqual([])
  })
})

describe('host and protocol', () => {
  it.each([
    ['hostname', { hostname: 'elsewhere.example' }],
    ['protocol', { protocol: 'http:' }],
    ['port', { port: 8080 }],
  ])('another %s is refused before anything is dialled', async (_, change) => {
    const server = await kms(wellBehaved)
    const client = clientOver(server.dial)
    client.middlewareStack.add(
      (next) => (args) => next({ ...args, request: Object.assign(args.request as object, change) }),
      {
        step: 'finalizeRequest',
        priority: 'low',
      },
    )
    await expect(client.send(random())).rejects.toMatchObject({ code: 'ERR_USAGE' })
    expect(server.carriers).toEqual([])
  })
})

describe('options', () => {
  const dial = () => new net.Socket()
  it.each([
    ['region', { region: 'here' }],
    ['host', { host: 'https://kms' }],
    ['host', { host: 'kms.example.com', fips: true }],
    ['credentials', { credentials: undefined }],
    ['credentials', { credentials: null }],
    ['dial', { dial: null }],
    ['trustAnchors', { trustAnchors: [] }],
    ['connectTimeout', { connectTimeout: 0 }],
    ['requestTimeout', { requestTimeout: 2 ** 31 }],
    ['requestTimeout', { requestTimeout: Number.POSITIVE_INFINITY }],
    ['maxAttempts', { maxAttempts: 1.5 }],
    ['expectedPcrs', { expectedPcrs: { 0: 'ab' } }],
    ['expectedPcrs', { expectedPcrs: { 32: 'ab'.repeat(48) } }],
    ['mix', { mix: 'kms' }],
    ['recipient', { recipient: undefined, mix: 'nsm' }],
    ['recipient', { recipient: undefined, requireKeyArn: true }],
  ])('%s', (name, options) => {
    expect(() => clientOver(dial, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining(name) }),
    )
  })
  it('have defaults', async () => {
    const client = clientOver(dial, { maxAttempts: undefined })
    expect(await client.config.maxAttempts()).toBe(3)
    expect(client.config.retryMode).toBe('standard')
    expect(await client.config.endpoint?.()).toMatchObject({ protocol: 'https:', hostname: HOST })
  })
  it('may be as long as Node waits at all', () => {
    const longest = 2 ** 31 - 1
    const options = { connectTimeout: longest, requestTimeout: longest, maxAttempts: longest }
    expect(() => clientOver(dial, options)).not.toThrow()
  })
  it('are not looked up in the environment', async () => {
    const environment = {
      AWS_USE_FIPS_ENDPOINT: 'true',
      AWS_USE_DUALSTACK_ENDPOINT: 'true',
      AWS_RETRY_MODE: 'adaptive',
      AWS_MAX_ATTEMPTS: '7',
      AWS_DEFAULTS_MODE: 'mobile',
      AWS_AUTH_SCHEME_PREFERENCE: 'sigv4a',
      AWS_SDK_UA_APP_ID: 'another',
    }
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    cleanups.push(() => vi.unstubAllEnvs())
    const { config } = clientOver(dial, { maxAttempts: undefined })
    const asked = async (value: unknown): Promise<unknown> => (typeof value === 'function' ? value() : value)
    expect({
      fips: await asked(config.useFipsEndpoint),
      dualstack: await asked(config.useDualstackEndpoint),
      retry: await asked(config.retryMode),
      attempts: await asked(config.maxAttempts),
      defaults: await asked(config.defaultsMode),
      schemes: await asked(config.authSchemePreference),
      clock: await asked(config.disableClockSkewCorrection),
      app: await asked(config.userAgentAppId),
    }).toEqual({
      fips: false,
      dualstack: false,
      retry: 'standard',
      attempts: 3,
      defaults: 'standard',
      schemes: ['sigv4'],
      clock: false,
      app: undefined,
    })
  })
})
