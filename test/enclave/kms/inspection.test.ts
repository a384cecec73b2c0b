/** Secrets are planted, and looked for in whatever a program may print. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { DescribeKeyCommand, EncryptCommand, GenerateRandomCommand } from '@aws-sdk/client-kms'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createKmsClient, type KmsClientOptions } from '../../../enclave/kms/client.js'
import { pushedCredentials } from '../../../enclave/kms/credentials.js'
import { fromEnvironment } from '../../../enclave/kms/environment.js'
import { fromParent } from '../../../enclave/kms/parent-credentials.js'
import { createRecipient, type Recipient } from '../../../enclave/kms/recipient.js'
import type { Nsm } from '../../../enclave/nsm/requests.js'
import { importPublicKey, seal } from './support.js'
import { type Authority, createAuthority, startHttps } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'
const PLAINTEXT = 'planted-plaintext-0123456789abcd'
const SECRET = 'planted/secret'
const TOKEN = 'planted//token=='
const identity = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: SECRET, sessionToken: TOKEN }

/** In all the ways in which bytes get printed. */
const shapes = (text: string) => {
  const bytes = Buffer.from(text)
  return [
    text,
    bytes.toString('base64').slice(0, 20),
    bytes.toString('hex').slice(0, 20),
    [...bytes].slice(0, 8).join(','),
    [...bytes].slice(0, 8).join(', '),
    JSON.stringify(Object.fromEntries([...bytes].slice(0, 8).entries())).slice(1, -1),
  ]
}
const PLANTED = [PLAINTEXT, SECRET, TOKEN].flatMap(shapes)

const printed = (value: unknown) => {
  const texts = [inspect(value, { depth: 10, showHidden: true }), inspect(value, { depth: 30 })]
  if (value instanceof Error) texts.push(inspect(value, { depth: 30, showHidden: true }))
  try {
    texts.push(JSON.stringify(value) ?? '')
  } catch {
    // Circular, as the SDK's configuration is.
  }
  return texts.join('\n')
}
const planted = (value: unknown) => {
  const text = printed(value)
  return PLANTED.filter((secret) => text.includes(secret))
}

/** A document that is the public key, so that a canned KMS can seal to it. */
const nsm: Nsm = {
  request: async (request) =>
    ({ type: 'Attestation', document: 'publicKey' in request ? request.publicKey : undefined }) as never,
  close: () => undefined,
}

let authority: Authority
let recipient: Recipient
beforeAll(async () => {
  authority = await createAuthority()
  recipient = await createRecipient({ nsm })
})

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

async function clientOf(handler: Handler, options: Partial<KmsClientOptions> = {}) {
  const server = await startHttps(await authority.issue(HOST), (...args) => void handler(...args))
  const client = createKmsClient({
    region: 'eu-central-1',
    recipient,
    credentials: identity,
    trustAnchors: [authority.certificate],
    maxAttempts: 1,
    dial: server.dial,
    ...options,
  })
  onTestFinished(async () => {
    client.destroy()
    await server.close()
  })
  return client
}

const sealing: Handler = async (request, response) => {
  const { Recipient } = JSON.parse(Buffer.concat(await request.toArray()).toString())
  const key = await importPublicKey(Buffer.from(Recipient.AttestationDocument, 'base64'))
  const sealed = Buffer.from(await seal(Buffer.from(PLAINTEXT), key)).toString('base64')
  response.end(JSON.stringify({ CiphertextForRecipient: sealed }))
}

const refusing =
  (name: string): Handler =>
  (_, response) => {
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify({ __type: name, message: 'no' }))
  }

const random = () => new GenerateRandomCommand({ NumberOfBytes: PLAINTEXT.length })

it('the search finds what is planted', () => {
  const deep = {
    a: { b: { c: [{ identity, bytes: Buffer.from(PLAINTEXT), list: [...Buffer.from(PLAINTEXT)] }] } },
  }
  expect(planted(deep)).toEqual(expect.arrayContaining([SECRET, TOKEN]))
  expect(planted({ bytes: new Uint8Array(Buffer.from(PLAINTEXT)) }).length).toBeGreaterThan(0)
  const hidden = Object.defineProperty(new Error('x'), 'hidden', { value: { TOKEN }, enumerable: false })
  expect(planted(hidden)).toEqual([TOKEN])
})

describe('nothing secret shows', () => {
  it('in a client, before and after its calls', async () => {
    for (const credentials of [identity, async () => identity]) {
      const client = await clientOf(sealing, { credentials })
      expect(planted(client)).toEqual([])
      const { Plaintext } = await client.send(random())
      expect(Buffer.from(Plaintext ?? []).toString()).toBe(PLAINTEXT)
      expect(planted(client)).toEqual([])
      expect(planted(client.config.credentials)).toEqual([])
    }
  })

  it('in a provider that has credentials', async () => {
    const pushed = pushedCredentials()
    pushed.push(identity)
    const environment = {
      AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_SESSION_TOKEN: TOKEN,
    }
    const fromVariables = fromEnvironment({ environment })
    expect(await fromVariables()).toEqual(identity)
    expect([pushed, pushed.provider, fromVariables, fromParent()].flatMap(planted)).toEqual([])
  })

  it.each([
    'AccessDeniedException',
    'ExpiredTokenException',
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'ValidationException',
    'SomethingNewException',
  ])('in %s', async (name) => {
    const client = await clientOf(refusing(name))
    const error: unknown = await client.send(random()).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name })
    expect(planted(error)).toEqual([])
  })

  it.each<[string, Handler]>([
    ['no JSON', (_, response) => response.end(`{"Plaintext":"${PLAINTEXT}`)],
    [
      'Plaintext in the clear',
      (_, response) => {
        response.end(JSON.stringify({ Plaintext: Buffer.from(PLAINTEXT).toString('base64') }))
      },
    ],
    [
      'an envelope of other length',
      async (request, response) => {
        const { Recipient } = JSON.parse(Buffer.concat(await request.toArray()).toString())
        const key = await importPublicKey(Buffer.from(Recipient.AttestationDocument, 'base64'))
        const sealed = Buffer.from(await seal(Buffer.from(`${PLAINTEXT}!`), key)).toString('base64')
        response.end(JSON.stringify({ CiphertextForRecipient: sealed }))
      },
    ],
    ['a lost connection', (request) => request.socket.destroy()],
  ])('in the error for %s', async (_, handler) => {
    const client = await clientOf(handler)
    const error: unknown = await client.send(random()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(planted(error)).toEqual([])
  })

  it('in the lines of a logger, at every level', async () => {
    const lines: unknown[] = []
    const log = (...words: unknown[]) => void lines.push(...words)
    const logger = { trace: log, debug: log, info: log, warn: log, error: log }
    await (await clientOf(sealing, { logger })).send(random())
    for (const name of ['AccessDeniedException', 'ExpiredTokenException']) {
      const client = await clientOf(refusing(name), { logger, credentials: async () => identity })
      await client.send(random()).catch(() => undefined)
      const Plaintext = Buffer.from(PLAINTEXT)
      await client.send(new EncryptCommand({ KeyId: 'a', Plaintext })).catch(() => undefined)
      await client.send(new DescribeKeyCommand({ KeyId: 'a' })).catch(() => undefined)
    }
    expect(inspect(lines)).toContain('GenerateRandomCommand')
    expect(inspect(lines)).toContain('EncryptCommand')
    expect(planted(lines)).toEqual([])
  })
})
