import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { GenerateRandomCommand, KMSClient } from '@aws-sdk/client-kms'
import { SignatureV4 } from '@smithy/signature-v4'
import type { HttpRequest } from '@smithy/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type SignedRequest, verifySignature } from '../../../simulator/kms/signature.js'
import { CREDENTIALS, HOST, REGION } from './support.js'

const NOW = new Date('2026-05-06T07:08:09Z')
const BODY = Buffer.from('{"NumberOfBytes":32}')
const { accessKeyId, secretAccessKey, sessionToken } = CREDENTIALS
const verify = (request: SignedRequest, options: object = {}) =>
  verifySignature(request, { region: REGION, credentials: CREDENTIALS, now: NOW, ...options })
const refused = (name: string, message: string | RegExp = '') =>
  expect.objectContaining({ name, status: 400, message: expect.stringMatching(message) })

type Bag = Record<string, string>
const HEADERS: Bag = {
  host: HOST,
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': 'TrentService.GenerateRandom',
  'x-amz-security-token': sessionToken,
}

/** A request that the library signs; `unsigned` headers travel beside the signature. */
async function signed(
  change: {
    headers?: Bag
    unsigned?: Bag
    at?: Date
    region?: string
    service?: string
    key?: string
    signable?: string
  } = {},
) {
  const signer = new SignatureV4({
    applyChecksum: false,
    credentials: { accessKeyId: change.key ?? accessKeyId, secretAccessKey },
    region: change.region ?? REGION,
    service: change.service ?? 'kms',
    sha256: Sha256,
  })
  const headers = change.headers ?? HEADERS
  const request = {
    method: 'POST',
    protocol: 'https:',
    hostname: HOST,
    path: '/',
    query: {},
    headers,
    body: BODY,
  }
  const signableHeaders = new Set([change.signable ?? ''])
  const result = await signer.sign(request, { signingDate: change.at ?? NOW, signableHeaders })
  return { method: 'POST', path: '/', headers: { ...result.headers, ...change.unsigned }, body: BODY }
}

/** The test's own hash constructor: HMAC by its definition (RFC 2104). */
class Sha256 {
  private readonly key: Buffer | undefined
  private data = Buffer.alloc(0)
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) return
    const bytes =
      typeof secret === 'string'
        ? Buffer.from(secret)
        : ArrayBuffer.isView(secret)
          ? Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength)
          : Buffer.from(secret)
    this.key = Buffer.concat([bytes.length > 64 ? sha256(bytes) : bytes, Buffer.alloc(64)]).subarray(0, 64)
  }
  update(chunk: Uint8Array) {
    this.data = Buffer.concat([this.data, chunk])
  }
  reset() {
    this.data = Buffer.alloc(0)
  }
  async digest() {
    if (this.key === undefined) return sha256(this.data)
    const inner = sha256(Buffer.concat([this.key.map((byte) => byte ^ 0x36), this.data]))
    return sha256(Buffer.concat([this.key.map((byte) => byte ^ 0x5c), inner]))
  }
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

const without = (bag: Bag, ...names: string[]) =>
  Object.fromEntries(Object.entries(bag).filter(([name]) => !names.includes(name)))

async function edited(change: (authorization: string) => string): Promise<SignedRequest> {
  const request = await signed()
  return {
    ...request,
    headers: { ...request.headers, authorization: change(request.headers.authorization ?? '') },
  }
}

describe('verifySignature', () => {
  it("takes the SDK's own signature", async () => {
    let captured: SignedRequest | undefined
    const client = new KMSClient({
      region: REGION,
      credentials: CREDENTIALS,
      requestHandler: {
        handle: async (request: HttpRequest) => {
          const headers = Object.fromEntries(
            Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
          )
          captured = {
            method: request.method,
            path: request.path,
            headers,
            body: Uint8Array.from(request.body),
          }
          throw new Error('captured')
        },
      },
      maxAttempts: 1,
    })
    await expect(client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))).rejects.toThrow('captured')
    if (captured === undefined) throw new Error('nothing captured')
    await verify(captured, { now: new Date() })
    await expect(verify({ ...captured, body: BODY.subarray(1) }, { now: new Date() })).rejects.toEqual(
      refused('InvalidSignatureException', 'not the body'),
    )
  })

  it('takes a signature without a session token', async () => {
    const request = await signed({ headers: without(HEADERS, 'x-amz-security-token') })
    await verify(request, { credentials: { accessKeyId, secretAccessKey } })
  })

  it('takes parameters that commas alone part', async () => {
    await verify(await edited((text) => text.replaceAll(', ', ',')))
  })

  it('takes headers that most signers leave out, when they are signed', async () => {
    const request = await signed({ headers: { ...HEADERS, 'user-agent': 'x' }, signable: 'user-agent' })
    expect(request.headers.authorization).toContain(';user-agent;')
    await verify(request)
  })

  it('asks for an Authorization header', async () => {
    const request = await signed()
    await expect(verify({ ...request, headers: without(request.headers, 'authorization') })).rejects.toEqual(
      refused('MissingAuthenticationTokenException'),
    )
  })

  it.each([
    ['no Credential', (text: string) => text.replace(/Credential=[^,]*, /, ''), "requires 'Credential'"],
    [
      'no SignedHeaders',
      (text: string) => text.replace(/SignedHeaders=[^,]*, /, ''),
      "requires 'SignedHeaders'",
    ],
    ['no Signature', (text: string) => text.replace(/, Signature=.*/, ''), "requires 'Signature'"],
    [
      'an empty Signature',
      (text: string) => text.replace(/Signature=.*/, 'Signature='),
      "requires 'Signature'",
    ],
    ['a Signature twice', (text: string) => `${text}, Signature=0`, "'Signature' twice"],
    ['another algorithm', (text: string) => text.replace('HMAC', 'ECDSA'), 'algorithm'],
    ['another parameter', (text: string) => `${text}, Other=x`, 'unknown parameter'],
    ['no equal sign', (text: string) => `${text}, x`, 'unknown parameter'],
    ['two empty parameters', (text: string) => `${text},,`, 'unknown parameter'],
    ['an algorithm alone', () => 'AWS4-HMAC-SHA256', 'unknown parameter'],
    ['an empty header', () => '', 'algorithm'],
  ])('refuses an Authorization with %s', async (_, change, message) => {
    await expect(verify(await edited(change))).rejects.toEqual(
      refused('IncompleteSignatureException', message),
    )
  })

  it('refuses an unknown access key, with the right secret', async () => {
    await expect(verify(await signed({ key: 'AKIDOTHER' }))).rejects.toEqual(
      refused('UnrecognizedClientException'),
    )
  })

  it('refuses another session token, none, and one that is not expected', async () => {
    const other = await signed({ headers: { ...HEADERS, 'x-amz-security-token': 'other' } })
    await expect(verify(other)).rejects.toEqual(refused('UnrecognizedClientException'))
    const none = await signed({ headers: without(HEADERS, 'x-amz-security-token') })
    await expect(verify(none)).rejects.toEqual(refused('UnrecognizedClientException'))
    const unexpected = verify(await signed(), { credentials: { accessKeyId, secretAccessKey } })
    await expect(unexpected).rejects.toEqual(refused('UnrecognizedClientException'))
  })

  it.each(['host', 'x-amz-target', 'x-amz-security-token'])('refuses an unsigned %s', async (name) => {
    const request = await signed({
      headers: without(HEADERS, name),
      unsigned: { [name]: HEADERS[name] ?? '' },
    })
    await expect(verify(request)).rejects.toEqual(
      refused('IncompleteSignatureException', `'${name}' must be`),
    )
  })

  it('refuses an unsigned x-amz-content-sha256, and a signed one of another body', async () => {
    const unsigned = await signed({ unsigned: { 'x-amz-content-sha256': sha256(BODY).toString('hex') } })
    await expect(verify(unsigned)).rejects.toEqual(
      refused('IncompleteSignatureException', 'x-amz-content-sha256'),
    )
    for (const hash of ['UNSIGNED-PAYLOAD', '00'.repeat(32)]) {
      const other = await signed({ headers: { ...HEADERS, 'x-amz-content-sha256': hash } })
      await expect(verify(other)).rejects.toEqual(refused('InvalidSignatureException', 'not the body'))
    }
    const right = { ...HEADERS, 'x-amz-content-sha256': sha256(BODY).toString('hex') }
    await verify(await signed({ headers: right }))
  })

  it('refuses an unsigned, a missing and a malformed x-amz-date', async () => {
    const noDate = await edited((text) => text.replace('x-amz-date;', ''))
    await expect(verify(noDate)).rejects.toEqual(
      refused('IncompleteSignatureException', "'x-amz-date' must be"),
    )
    const request = await signed()
    for (const date of ['', '20260506', '2026-05-06T07:08:09Z', '20261306T070809Z', '20260506T070809Zx']) {
      const headers = { ...request.headers, 'x-amz-date': date }
      await expect(verify({ ...request, headers })).rejects.toEqual(
        refused('IncompleteSignatureException', 'ISO-8601'),
      )
    }
    await expect(verify({ ...request, headers: without(request.headers, 'x-amz-date') })).rejects.toEqual(
      refused('IncompleteSignatureException', 'ISO-8601'),
    )
  })

  it('keeps to 15 minutes around the clock', async () => {
    const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
    await verify(await signed({ at: at(-900) }))
    await verify(await signed({ at: at(900) }))
    await expect(verify(await signed({ at: at(-901) }))).rejects.toEqual(
      refused(
        'InvalidSignatureException',
        /^Signature expired: 20260506T065308Z is now earlier than 20260506T065309Z \(20260506T070809Z - 15 min\.\)$/,
      ),
    )
    await expect(verify(await signed({ at: at(901) }))).rejects.toEqual(
      refused(
        'InvalidSignatureException',
        /^Signature not yet current: 20260506T072310Z is still later than 20260506T072309Z \(20260506T070809Z \+ 15 min\.\)$/,
      ),
    )
  })

  it.each([
    ['region', { region: 'eu-west-1' }],
    ['service', { service: 's3' }],
  ])('refuses a scope of another %s', async (_, change) => {
    await expect(verify(await signed(change))).rejects.toEqual(
      refused('InvalidSignatureException', 'scoped to 20260506/us-east-1/kms'),
    )
  })

  it('refuses a scope of another date, another terminator or a fifth part', async () => {
    const changes = [
      (text: string) => text.replace('/20260506/', '/20260507/'),
      (text: string) => text.replace('aws4_request', 'aws5_request'),
      (text: string) => text.replace('aws4_request', 'aws4_request/'),
    ]
    for (const change of changes) {
      await expect(verify(await edited(change))).rejects.toEqual(
        refused('InvalidSignatureException', 'scoped to'),
      )
    }
  })

  it('refuses a changed method, path, body, header or signature', async () => {
    const request = await signed()
    const changes = [
      { ...request, method: 'PUT' },
      { ...request, path: '/a' },
      { ...request, path: '/?a' },
      { ...request, body: Buffer.from('{}') },
      { ...request, headers: { ...request.headers, 'x-amz-target': 'TrentService.Decrypt' } },
      { ...request, headers: { ...request.headers, host: 'kms.eu-west-1.amazonaws.com' } },
      { ...request, headers: without(request.headers, 'content-type') },
      await edited((text) => text.replace('SignedHeaders=', 'SignedHeaders=constructor;')),
      await edited((text) => text.replace('SignedHeaders=', 'SignedHeaders=__proto__;')),
      await edited((text) => text.replace('SignedHeaders=', 'SignedHeaders=authorization;')),
      await edited((text) => text.replace('content-type;host', 'host;content-type')),
      await edited((text) =>
        text.replace(/Signature=.*/, (given) => given.toUpperCase().replace('SIGNATURE', 'Signature')),
      ),
      await edited((text) => text.slice(0, -1)),
      await edited((text) => `${text}0`),
    ]
    for (const change of changes) {
      await expect(verify(change)).rejects.toEqual(refused('InvalidSignatureException', 'does not match'))
    }
    await expect(verify(request, { credentials: { ...CREDENTIALS, secretAccessKey: 'x' } })).rejects.toEqual(
      refused('InvalidSignatureException', 'does not match'),
    )
  })

  it('never throws anything but its four errors, and never takes a changed Authorization', async () => {
    const { headers, ...rest } = await signed()
    const authorization = headers.authorization ?? ''
    const names =
      /^(MissingAuthenticationToken|IncompleteSignature|UnrecognizedClient|InvalidSignature)Exception$/
    const place = fc.nat(authorization.length - 1)
    await fc.assert(
      fc.asyncProperty(place, fc.string({ minLength: 1, maxLength: 3 }), async (at, text) => {
        const changed = authorization.slice(0, at) + text + authorization.slice(at + 1)
        // Blanks around a parameter are the writer's choice.
        fc.pre(changed.replace(/\s+/g, '') !== authorization.replace(/\s+/g, ''))
        const failure = verify({ ...rest, headers: { ...headers, authorization: changed } })
        await expect(failure).rejects.toMatchObject({ name: expect.stringMatching(names) })
      }),
      { numRuns: 300 },
    )
  })
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

describe.skipIf(!hasCurl && process.env.CI !== 'true')(
  `curl --aws-sigv4${hasCurl ? '' : ' (skipped: no curl)'}`,
  () => {
    it('signs as this verifier expects', async () => {
      const seen: SignedRequest[] = []
      const server = createServer(async (request, response) => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk)
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        )
        seen.push({
          method: request.method ?? '',
          path: request.url ?? '',
          headers,
          body: Buffer.concat(chunks),
        })
        response.end()
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      try {
        const { port } = server.address() as AddressInfo
        const command = ['--silent', '--show-error', '--noproxy', '*', '--aws-sigv4', `aws:amz:${REGION}:kms`]
        command.push(
          '--user',
          `${accessKeyId}:${secretAccessKey}`,
          '-H',
          'Content-Type: application/x-amz-json-1.1',
        )
        command.push(
          '-H',
          'X-Amz-Target: TrentService.GenerateRandom',
          '-H',
          `X-Amz-Security-Token: ${sessionToken}`,
        )
        await promisify(execFile)('curl', [
          ...command,
          '--data-binary',
          BODY.toString(),
          `http://127.0.0.1:${port}/`,
        ])
      } finally {
        server.close()
      }
      const [request] = seen
      if (request === undefined) throw new Error('curl sent nothing')
      await verify(request, { now: new Date() })
      const tampered = { ...request, body: Buffer.from('{"NumberOfBytes":33}') }
      await expect(verify(tampered, { now: new Date() })).rejects.toEqual(
        refused('InvalidSignatureException'),
      )
    })
  },
)
