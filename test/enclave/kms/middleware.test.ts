import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  KMSClient,
} from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { nitroRecipient } from '../../../enclave/kms/middleware.js'
import type { Recipient } from '../../../enclave/kms/recipient.js'
import { OperationError } from '../../../shared/errors.js'

const DOCUMENT = Uint8Array.of(9, 9)
const SEALED = Uint8Array.of(1, 2, 3)
const OPENED = Uint8Array.of(4, 5, 6)

interface Scene {
  client: KMSClient
  /** Bodies as they would have gone over the wire. */
  sent: Record<string, unknown>[]
  opened: [sealed: number[], length: number | undefined][]
  attested: (AbortSignal | undefined)[]
}

/** Any user's KMSClient with the middleware; `answer` is what KMS says. */
function scene(answer: Record<string, unknown>): Scene {
  const sent: Record<string, unknown>[] = []
  const opened: Scene['opened'] = []
  const attested: Scene['attested'] = []
  const recipient: Recipient = {
    publicKey: new Uint8Array(0),
    async attest(options) {
      attested.push(options?.signal)
      return DOCUMENT
    },
    async open(sealed, options) {
      opened.push([[...sealed], options?.length])
      return OPENED
    },
  }
  const client = new KMSClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { body: Uint8Array }) => {
        sent.push(JSON.parse(new TextDecoder().decode(request.body)))
        const body = Buffer.from(JSON.stringify(answer))
        return { response: { statusCode: 200, headers: {}, body } }
      },
    } as never,
  })
  client.middlewareStack.use(nitroRecipient(recipient))
  return { client, sent, opened, attested }
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

describe('GenerateRandom', () => {
  it('carries a document, and gives the opened value as Plaintext', async () => {
    const { client, sent, opened } = scene({ CiphertextForRecipient: base64(SEALED) })
    const input = Object.freeze({ NumberOfBytes: 3 })
    const output = await client.send(new GenerateRandomCommand(input))
    expect(sent).toEqual([
      {
        NumberOfBytes: 3,
        Recipient: { AttestationDocument: base64(DOCUMENT), KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
      },
    ])
    expect(opened).toEqual([[[...SEALED], 3]])
    expect(output.Plaintext).toBe(OPENED)
    expect(output).not.toHaveProperty('CiphertextForRecipient')
    expect(output.$metadata.httpStatusCode).toBe(200)
    expect(input).toEqual({ NumberOfBytes: 3 })
  })
  it('attests each call anew', async () => {
    const { client, attested } = scene({ CiphertextForRecipient: base64(SEALED) })
    const command = new GenerateRandomCommand({ NumberOfBytes: 3 })
    await client.send(command)
    await client.send(command)
    expect(attested).toHaveLength(2)
    expect(command.input).toEqual({ NumberOfBytes: 3 })
  })
  it.each([
    ['Plaintext in spite of it', { Plaintext: base64(OPENED) }],
    ['both', { Plaintext: base64(OPENED), CiphertextForRecipient: base64(SEALED) }],
    ['an empty Plaintext beside it', { Plaintext: '', CiphertextForRecipient: base64(SEALED) }],
    ['neither', {}],
  ])('refuses %s', async (_, answer) => {
    const { client, opened } = scene(answer)
    const call = client.send(new GenerateRandomCommand({ NumberOfBytes: 3 }))
    await expect(call).rejects.toMatchObject({ code: 'ERR_KMS_IGNORED_RECIPIENT' })
    expect(opened).toEqual([])
  })
  it('takes a null Plaintext for an absent one', async () => {
    const { client } = scene({ Plaintext: null, CiphertextForRecipient: base64(SEALED) })
    expect((await client.send(new GenerateRandomCommand({ NumberOfBytes: 3 }))).Plaintext).toBe(OPENED)
  })
  it("refuses a caller's own Recipient", async () => {
    const { client, sent } = scene({})
    const Recipient = { AttestationDocument: DOCUMENT, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } as const
    const call = client.send(new GenerateRandomCommand({ NumberOfBytes: 3, Recipient }))
    await expect(call).rejects.toMatchObject({ code: 'ERR_USAGE' })
    expect(sent).toEqual([])
  })
  it('refuses to ask without a length', async () => {
    const { client, attested } = scene({ CiphertextForRecipient: base64(SEALED) })
    await expect(client.send(new GenerateRandomCommand({}))).rejects.toMatchObject({ code: 'ERR_USAGE' })
    expect(attested).toEqual([])
  })
  it("hands the caller's abort signal to the recipient", async () => {
    const { client, attested } = scene({ CiphertextForRecipient: base64(SEALED) })
    const { signal } = new AbortController()
    await client.send(new GenerateRandomCommand({ NumberOfBytes: 3 }), { abortSignal: signal })
    expect(attested).toEqual([signal])
  })
})

describe('other operations', () => {
  const KeyId = 'alias/a'
  const blob = Uint8Array.of(1)
  it.each([
    ['Decrypt', new DecryptCommand({ CiphertextBlob: blob })],
    ['GenerateDataKey', new GenerateDataKeyCommand({ KeyId })],
    ['GenerateDataKeyPair', new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'RSA_2048' })],
    [
      'DeriveSharedSecret',
      new DeriveSharedSecretCommand({ KeyId, PublicKey: blob, KeyAgreementAlgorithm: 'ECDH' }),
    ],
  ])('%s is refused before anything is sent', async (name, command) => {
    const { client, sent, attested } = scene({})
    const call = client.send(command as DecryptCommand)
    await expect(call).rejects.toThrow(OperationError)
    await expect(call).rejects.toMatchObject({
      code: 'ERR_RECIPIENT_UNSUPPORTED',
      message: expect.stringContaining(name),
    })
    expect({ sent, attested }).toEqual({ sent: [], attested: [] })
  })
  it('pass untouched when they carry no Recipient', async () => {
    const { client, sent, attested } = scene({ CiphertextBlob: base64(SEALED) })
    await client.send(new DescribeKeyCommand({ KeyId }))
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext: blob }))
    expect(CiphertextBlob).toEqual(SEALED)
    expect(sent).toEqual([{ KeyId }, { KeyId, Plaintext: base64(blob) }])
    expect(attested).toEqual([])
  })
})

describe('a command that does not say what it is', () => {
  /** As another build of the SDK, or a wrapper, might present it. */
  function disguise<C extends GenerateRandomCommand | DecryptCommand>(command: C, commandName: unknown): C {
    const resolve = command.resolveMiddlewareWithContext.bind(command)
    command.resolveMiddlewareWithContext = (stack, configuration, options, context) =>
      resolve(stack, configuration, options, { ...context, commandName } as never)
    return command
  }
  it.each([undefined, '', 'DescribeKeyCommand', 'n', 'generaterandomcommand', 'constructor'])(
    'GenerateRandom as %j',
    async (name) => {
      const { client, sent } = scene({ Plaintext: base64(OPENED) })
      const call = client.send(disguise(new GenerateRandomCommand({ NumberOfBytes: 3 }), name))
      await expect(call).rejects.toMatchObject({ code: 'ERR_RECIPIENT_UNSUPPORTED' })
      expect(sent).toEqual([])
    },
  )
  it('Decrypt as GenerateRandom', async () => {
    const { client, sent } = scene({ Plaintext: base64(OPENED) })
    const command = new DecryptCommand({ CiphertextBlob: SEALED, NumberOfBytes: 3 } as never)
    const call = client.send(disguise(command, 'GenerateRandomCommand'))
    await expect(call).rejects.toMatchObject({ code: 'ERR_RECIPIENT_UNSUPPORTED' })
    expect(sent).toEqual([])
  })
  it('a request without X-Amz-Target', async () => {
    const { client, sent } = scene({})
    client.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> }
        delete headers['x-amz-target']
        return next(args)
      },
      { step: 'build', priority: 'high' },
    )
    const call = client.send(new DescribeKeyCommand({ KeyId: 'alias/a' }))
    await expect(call).rejects.toMatchObject({ code: 'ERR_RECIPIENT_UNSUPPORTED' })
    expect(sent).toEqual([])
  })
})

describe('the middleware', () => {
  it('is not taken twice', () => {
    const { client } = scene({})
    const unused = { publicKey: OPENED, attest: async () => OPENED, open: async () => OPENED }
    expect(() => client.middlewareStack.use(nitroRecipient(unused))).toThrow()
  })
})
