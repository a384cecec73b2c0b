import type { ClientRequestArgs, IncomingHttpHeaders } from 'node:http'
import https, { Agent, request as httpsRequest, type RequestOptions, type Server } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import {
  GenerateRandomCommand,
  type GenerateRandomCommandInput,
  KMSClient,
  SignCommand,
} from '@aws-sdk/client-kms'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { VerificationError } from '../../../shared/errors.js'
import { createAccount } from '../../../simulator/kms/account.js'
import type { CallRecord } from '../../../simulator/kms/call-record.js'
import { dependencyTimeout, kmsInternal } from '../../../simulator/kms/errors.js'
import { handle } from '../../../simulator/kms/handle.js'
import { parsePolicy, pinningPolicy } from '../../../simulator/kms/policy/policy-document.js'
import { createKmsServer, type KmsServerOptions } from '../../../simulator/kms/server.js'
import { createTlsIdentity, type TlsIdentity } from '../../../simulator/kms/tls.js'
import { signedRequest } from './signed-request.js'
import { ARN, CREDENTIALS, HOST, openSealed, REGION, rsaKey } from './support.js'

const PCR0 = Buffer.alloc(48, 0xab)
const key = rsaKey()
const verify = async () => ({ document: { pcrs: new Map([[0, PCR0]]), publicKey: key.spki } })
const Recipient = {
  AttestationDocument: Buffer.from('document'),
  KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const,
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

let certificate: TlsIdentity
beforeAll(async () => {
  certificate = await createTlsIdentity([HOST], new Date())
})

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const account = createAccount({ region: REGION })
const principalWith = (policy: unknown) => ({
  credentials: CREDENTIALS,
  arn: ARN,
  policy: parsePolicy(policy),
})
const everything = principalWith({ Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } })

function optionsOf(change: Partial<KmsServerOptions> = {}): KmsServerOptions {
  const { cert, key } = certificate
  return { key, cert, region: REGION, account, principals: [everything], verify, ...change }
}

/** Dials the server whatever host the SDK asks for; TLS keeps the real host name. */
class LoopbackAgent extends Agent {
  dials = 0
  private readonly port: number

  constructor(port: number) {
    super({ keepAlive: true, ca: certificate.ca })
    this.port = port
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ) {
    this.dials++
    const socket: Socket = connect(this.port, '127.0.0.1')
    return super.createConnection({ ...options, socket } as ClientRequestArgs, callback)
  }
}

async function start(change: Partial<KmsServerOptions> = {}) {
  const server: Server = createKmsServer(optionsOf(change))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const agent = new LoopbackAgent(port)
  const requestHandler = new NodeHttpHandler({ httpsAgent: agent })
  const client = new KMSClient({ region: REGION, credentials: CREDENTIALS, requestHandler, maxAttempts: 1 })
  closing.push(() => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  const random = (input: GenerateRandomCommandInput) => client.send(new GenerateRandomCommand(input))
  return { server, port, agent, client, requestHandler, random }
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: { __type?: string; message?: string }
}

function send(agent: LoopbackAgent, options: RequestOptions, body: string | Buffer = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/x-amz-json-1.1', ...options.headers }
    const request = httpsRequest(
      { host: HOST, servername: HOST, method: 'POST', agent, ...options, headers },
      async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text ? JSON.parse(text) : {},
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

describe('the AWS SDK over TLS', () => {
  it('gets random bytes', async () => {
    const { random } = await start()
    const output = await random({ NumberOfBytes: 32 })
    expect(output.Plaintext?.length).toBe(32)
    expect(output.CiphertextForRecipient).toBeUndefined()
    expect(output.$metadata.requestId).toMatch(UUID)
  })

  it('gets an envelope that the recipient opens', async () => {
    const { random } = await start({ principals: [principalWith(pinningPolicy(PCR0))] })
    const output = await random({ NumberOfBytes: 32, Recipient })
    expect(output.Plaintext).toBeUndefined()
    const opened = await openSealed(output.CiphertextForRecipient ?? new Uint8Array(), key)
    expect(opened).toHaveLength(32)
  })

  it('is refused by the policy, and the hint goes to the operator only', async () => {
    const onDenial = vi.fn()
    const { random } = await start({
      principals: [principalWith(pinningPolicy(Buffer.alloc(48, 1)))],
      onDenial,
    })
    await expect(random({ NumberOfBytes: 32, Recipient })).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(/no identity-based policy allows the kms:GenerateRandom action$/),
    })
    expect(onDenial).toHaveBeenCalledOnce()
  })

  it.each([
    ['ValidationException', { NumberOfBytes: 1025 }],
    ['CustomKeyStoreNotFoundException', { NumberOfBytes: 1, CustomKeyStoreId: 'cks-none' }],
    ['CustomKeyStoreInvalidStateException', { NumberOfBytes: 1, CustomKeyStoreId: 'cks-off' }],
    ['UnsupportedOperationException', { NumberOfBytes: 1, CustomKeyStoreId: 'cks-out' }],
  ])('sees %s', async (name, input) => {
    const { random } = await start({
      keyStores: new Map([
        ['cks-off', 'disconnected'],
        ['cks-out', 'external'],
      ]),
    })
    await expect(random(input)).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } })
  })

  it('sees a refused document', async () => {
    const { random } = await start({
      verify: () => Promise.reject(new VerificationError('ERR_COSE_SIGNATURE', 'x')),
    })
    await expect(random({ NumberOfBytes: 1, Recipient })).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('ERR_COSE_SIGNATURE'),
    })
  })

  it('is refused with other credentials', async () => {
    const { requestHandler } = await start()
    const credentials = { ...CREDENTIALS, secretAccessKey: 'other' }
    const client = new KMSClient({ region: REGION, credentials, requestHandler, maxAttempts: 1 })
    await expect(client.send(new GenerateRandomCommand({ NumberOfBytes: 1 }))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    })
  })

  it('is refused by a clock that is an hour on, and told that time', async () => {
    const now = new Date(Date.now() + 3_600_000)
    const { random } = await start({ now: () => now })
    const failure: unknown = await random({ NumberOfBytes: 1 }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'InvalidSignatureException' })
    const response = (failure as { $response: { headers: Record<string, string> } }).$response
    expect(response.headers.date).toBe(now.toUTCString())
  })

  it('cannot call an operation that only the real KMS has, and is told so', async () => {
    const { client } = await start()
    const input = { KeyId: 'k', Message: Buffer.of(1), SigningAlgorithm: 'ECDSA_SHA_256' as const }
    await expect(client.send(new SignCommand(input))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: 'The simulated KMS does not have the operation Sign',
    })
  })

  it('keeps its connection', async () => {
    const { random, agent } = await start()
    for (let call = 0; call < 5; call++) await random({ NumberOfBytes: 1 })
    await expect(random({ NumberOfBytes: 0 })).rejects.toThrow()
    await random({ NumberOfBytes: 1 })
    expect(agent.dials).toBe(1)
  })

  it('trusts only the CA that it was given', async () => {
    const { port } = await start()
    const stranger = await createTlsIdentity([HOST], new Date())
    const agent = new LoopbackAgent(port)
    agent.options.ca = stranger.ca
    await expect(send(agent, { path: '/' })).rejects.toThrow(/certificate/)
    agent.destroy()
  })
})

describe('faults', () => {
  it.each([dependencyTimeout(), kmsInternal()])('%s is retried', async (fault) => {
    const faults = vi.fn().mockReturnValueOnce(fault)
    const { requestHandler } = await start({ faults })
    const client = new KMSClient({ region: REGION, credentials: CREDENTIALS, requestHandler, maxAttempts: 2 })
    const output = await client.send(new GenerateRandomCommand({ NumberOfBytes: 1 }))
    expect(output.$metadata.attempts).toBe(2)
    expect(faults.mock.calls).toEqual([['GenerateRandom'], ['GenerateRandom']])
  })

  it('come with their own status', async () => {
    const { random } = await start({ faults: kmsInternal })
    await expect(random({ NumberOfBytes: 1 })).rejects.toMatchObject({
      name: 'KMSInternalException',
      $metadata: { httpStatusCode: 500 },
    })
  })

  it('can ignore Recipient, seal for a stranger or cut the envelope', async () => {
    const faults = vi.fn()
    const { random } = await start({ faults })
    faults.mockReturnValueOnce('ignoreRecipient')
    expect((await random({ NumberOfBytes: 32, Recipient })).Plaintext?.length).toBe(32)
    faults.mockReturnValueOnce('wrongRecipient')
    expect((await random({ NumberOfBytes: 32, Recipient })).CiphertextForRecipient?.length).toBe(493)
    faults.mockReturnValueOnce('truncatedEnvelope')
    expect((await random({ NumberOfBytes: 32, Recipient })).CiphertextForRecipient?.length).toBe(477)
  })

  it('are not asked before authentication', async () => {
    const faults = vi.fn()
    const { agent } = await start({ faults })
    const answer = await send(
      agent,
      { path: '/', headers: { 'X-Amz-Target': 'TrentService.GenerateRandom' } },
      '{}',
    )
    expect(answer.body.__type).toBe('MissingAuthenticationTokenException')
    expect(faults).not.toHaveBeenCalled()
  })

  it('an unforeseen error says nothing to the client, and everything to the operator', async () => {
    const onError = vi.fn()
    const cause = new TypeError('a secret')
    const { random } = await start({ verify: () => Promise.reject(cause), onError })
    const failure: unknown = await random({ NumberOfBytes: 1, Recipient }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'KMSInternalException' })
    expect(String(failure)).not.toContain('secret')
    expect(onError.mock.calls).toEqual([[cause]])
  })
})

describe('HTTP', () => {
  it.each<[string, RequestOptions, number, string]>([
    ['GET', { method: 'GET' }, 405, 'MethodNotAllowedException'],
    ['PUT', { method: 'PUT' }, 405, 'MethodNotAllowedException'],
    ['another path', { path: '/x' }, 404, 'NotFoundException'],
    ['a query', { path: '/?x=1' }, 404, 'NotFoundException'],
    [
      'another host',
      { headers: { Host: 'kms.eu-west-1.amazonaws.com' } },
      421,
      'MisdirectedRequestException',
    ],
    [
      'another type',
      { headers: { 'Content-Type': 'application/json', 'X-Amz-Target': 'TrentService.GenerateRandom' } },
      400,
      'UnknownOperationException',
    ],
    ['no target', {}, 400, 'UnknownOperationException'],
    [
      'another service',
      { headers: { 'X-Amz-Target': 'OtherService.GenerateRandom' } },
      400,
      'UnknownOperationException',
    ],
    [
      'another operation',
      { headers: { 'X-Amz-Target': 'TrentService.toString' } },
      400,
      'UnknownOperationException',
    ],
    [
      'no signature',
      { headers: { 'X-Amz-Target': 'TrentService.GenerateRandom' } },
      400,
      'MissingAuthenticationTokenException',
    ],
  ])('refuses %s', async (_, options, status, name) => {
    const { agent } = await start()
    const answer = await send(agent, { path: '/', ...options }, options.method === 'GET' ? '' : '{}')
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual({ __type: name, message: expect.any(String) })
    expect(answer.headers['x-amzn-requestid']).toMatch(UUID)
    expect(answer.headers['content-type']).toBe('application/x-amz-json-1.1')
    expect(Date.parse(answer.headers.date ?? '')).toBeGreaterThan(Date.now() - 10_000)
  })

  it('serves the host names that it was given', async () => {
    const { agent } = await start({ hostNames: ['kms.test'] })
    expect((await send(agent, { path: '/', headers: { Host: 'KMS.test' } })).status).toBe(400)
    expect((await send(agent, { path: '/' })).status).toBe(421)
  })

  it('serves a name on any port, and an address with or without one', async () => {
    const { agent } = await start({ hostNames: [HOST, '127.0.0.1', '::1'] })
    for (const Host of [`${HOST}:8443`, '127.0.0.1:8443', '127.0.0.1', '[::1]:8443', '[::1]'])
      expect((await send(agent, { path: '/', headers: { Host } })).status).toBe(400)
    for (const Host of ['127.0.0.1:', '127.0.0.2:8443', '::1', `x.${HOST}`, `${HOST}:8443:1`])
      expect((await send(agent, { path: '/', headers: { Host } })).status).toBe(421)
  })

  it('gives every answer its own request id', async () => {
    const { agent } = await start()
    const [one, two] = [await send(agent, { path: '/' }), await send(agent, { path: '/' })]
    expect(one.headers['x-amzn-requestid']).not.toBe(two.headers['x-amzn-requestid'])
  })

  it('refuses a body over 1 MiB by its announced length, before it comes', async () => {
    const { port } = await start()
    const socket = tlsConnect({ socket: connect(port, '127.0.0.1'), servername: HOST, ca: certificate.ca })
    closing.push(() => socket.destroy())
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 524289\r\n\r\n`,
    )
    const [first] = await new Promise<Buffer[]>((done) => socket.once('data', (data) => done([data])))
    expect(first?.toString()).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('refuses a body over 1 MiB that has no announced length', async () => {
    const { agent } = await start()
    const headers = { 'Transfer-Encoding': 'chunked' }
    const large = await send(agent, { path: '/', headers }, Buffer.alloc(524_289))
    expect([large.status, large.body.__type]).toEqual([413, 'RequestEntityTooLargeException'])
  })

  it('drains a large body and serves the next request of the connection', async () => {
    const { port } = await start()
    const socket = tlsConnect({ socket: connect(port, '127.0.0.1'), servername: HOST, ca: certificate.ca })
    closing.push(() => socket.destroy())
    const head = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/x-amz-json-1.1\r\n`
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n1000000\r\n`)
    socket.write(Buffer.alloc(16 * 1_048_576))
    socket.write(`\r\n0\r\n\r\n${head}Content-Length: 2\r\nConnection: close\r\n\r\n{}`)
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 400'])
  })

  it('takes a body of 512 KiB', async () => {
    const { agent } = await start()
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const answer = await send(agent, { path: '/', headers }, Buffer.alloc(524_288))
      expect([answer.status, answer.body.__type]).toEqual([400, 'UnknownOperationException'])
    }
  })

  it('hangs up when it cannot answer at all', async () => {
    const cause = new TypeError('no clock')
    const onError = vi.fn()
    const now = () => {
      throw cause
    }
    const { agent } = await start({ now, onError })
    await expect(send(agent, { path: '/' }, '{}')).rejects.toThrow('socket hang up')
    expect(onError).toHaveBeenLastCalledWith(cause)
  })

  it('bounds its time, its connections and its TLS version', async () => {
    const create = vi.spyOn(https, 'createServer')
    const { server } = await start()
    // Node shows these nowhere. It takes two minutes for a handshake unless told: of nothing but connections all places
    // were taken; and looks for late requests every half a minute only.
    const times = { handshakeTimeout: 10_000, connectionsCheckingInterval: 5_000 }
    expect(create).toHaveBeenCalledWith(expect.objectContaining(times))
    create.mockRestore()
    expect(server.headersTimeout).toBe(10_000)
    expect(server.requestTimeout).toBe(30_000)
    expect(server.maxConnections).toBe(1_024)
    expect(server).toMatchObject({ minVersion: 'TLSv1.2' })
  })

  it('outlives a client that leaves in the middle of a body', async () => {
    const onError = vi.fn()
    const { port, random } = await start({ onError })
    const socket = tlsConnect({ socket: connect(port, '127.0.0.1'), servername: HOST, ca: certificate.ca })
    const head = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 10\r\n\r\n{`
    await new Promise<void>((done) => socket.write(head, () => done()))
    socket.destroy()
    expect((await random({ NumberOfBytes: 1 })).Plaintext?.length).toBe(1)
    expect(onError).not.toHaveBeenCalled()
  })
})

describe('bodies', () => {
  it.each([
    ['no JSON', Buffer.from('{')],
    ['nothing', Buffer.alloc(0)],
    ['null', Buffer.from('null')],
    ['a number', Buffer.from('5')],
    ['a list', Buffer.from('[]')],
    ['bad UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('%s is a SerializationException', async (_, body) => {
    const answer = await handle(await signedRequest(body), optionsOf())
    expect([answer.status, JSON.parse(answer.body).__type]).toEqual([400, 'SerializationException'])
  })
})

describe('an account of calls', () => {
  const told = async (change: Partial<KmsServerOptions>, body: object, target = 'GenerateRandom') => {
    const onCall = vi.fn()
    const answer = await handle(
      await signedRequest(Buffer.from(JSON.stringify(body)), target),
      optionsOf({ onCall, ...change }),
    )
    expect(onCall).toHaveBeenCalledOnce()
    const [call] = onCall.mock.lastCall as [CallRecord]
    expect(call.requestId).toBe(answer.headers['x-amzn-RequestId'])
    return call
  }

  it('names who called what, and how it ended', async () => {
    expect(await told({}, { NumberOfBytes: 1 })).toMatchObject({
      operation: 'GenerateRandom',
      principal: ARN,
      status: 200,
      outcome: 'OK',
      hints: [],
    })
  })

  it('has the hint of a refused enclave', async () => {
    const principals = [principalWith(pinningPolicy(Buffer.alloc(48, 1)))]
    const body = { NumberOfBytes: 1, Recipient: { ...Recipient, AttestationDocument: 'ZG9jdW1lbnQ=' } }
    expect(await told({ principals }, body)).toMatchObject({
      status: 400,
      outcome: 'AccessDeniedException',
      hints: [expect.stringMatching(/^PCR0 differs/)],
    })
  })

  it('names the key as the caller did where the answer does not, without control characters', async () => {
    const call = await told({}, { KeyId: `alias/a\n${'b'.repeat(1000)}`, CiphertextBlob: 'AA==' }, 'Decrypt')
    expect(call.outcome).not.toBe('OK')
    expect(call.key).toMatch(/^alias\/a[^\n]+b+$/)
    expect(call.key?.length).toBeLessThan(450)
  })

  it('names nobody for a request that nobody signed', async () => {
    const onCall = vi.fn()
    const request = await signedRequest(Buffer.from('{}'))
    const { authorization: _, ...headers } = request.headers
    await handle({ ...request, headers }, optionsOf({ onCall }))
    expect(onCall.mock.lastCall).toMatchObject([
      { operation: 'GenerateRandom', principal: undefined, outcome: 'MissingAuthenticationTokenException' },
    ])
  })
})
