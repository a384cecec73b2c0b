import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import type { HandlerExecutionContext } from '@smithy/types'
import { describe, expect, it, vi } from 'vitest'
import { attestedCall } from '../../../enclave/kms/attested-call.js'
import type { Expected } from '../../../enclave/kms/enveloped-data.js'
import { type NitroRecipientOptions, nitroRecipient } from '../../../enclave/kms/middleware.js'
import { createRecipient, type Recipient, type RecipientSource } from '../../../enclave/kms/recipient.js'
import { type Body, base64, Refusal, stubClient, stubNsm } from './stub-kms.js'

/** On a machine that has much else to do. */
const PATIENCE = { timeout: 20_000 }

const PUBLIC_KEY = Uint8Array.of(7, 7)
const DOCUMENT = Uint8Array.of(9, 9)
const SEALED = Uint8Array.of(1, 2, 3)
const OPENED = Uint8Array.of(4, 5, 6)
const KeyId = 'alias/a'

interface Scene {
  client: KMSClient
  /** Bodies as they would have gone over the wire. */
  sent: Body[]
  opened: [sealed: number[], expected: Expected | undefined][]
  attested: (AbortSignal | undefined)[]
}

/** A client whose recipient does as it is told; `answer` is what KMS says. */
function scene(answer: Body | Refusal, options?: NitroRecipientOptions): Scene {
  const opened: Scene['opened'] = []
  const attested: Scene['attested'] = []
  const recipient: Recipient = {
    publicKey: PUBLIC_KEY,
    async attest(given) {
      attested.push(given?.signal)
      return DOCUMENT
    },
    async open(sealed, expected) {
      opened.push([[...sealed], expected])
      return OPENED
    },
    random: async (length) => new Uint8Array(length),
  }
  return { ...stubClient(recipient, () => answer, options), opened, attested }
}

/** What one call of each operation looks like, and where its value goes. */
const blob = Uint8Array.of(1)
const P256 = Buffer.from(
  '3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
  'hex',
)
const OPERATIONS = [
  ['GenerateRandom', 'Plaintext', () => new GenerateRandomCommand({ NumberOfBytes: 3 })],
  ['Decrypt', 'Plaintext', () => new DecryptCommand({ KeyId, CiphertextBlob: blob })],
  ['GenerateDataKey', 'Plaintext', () => new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 3 })],
  [
    'GenerateDataKeyPair',
    'PrivateKeyPlaintext',
    () => new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'RSA_2048' }),
  ],
  [
    'DeriveSharedSecret',
    'SharedSecret',
    () => new DeriveSharedSecretCommand({ KeyId, PublicKey: P256, KeyAgreementAlgorithm: 'ECDH' }),
  ],
] as const

describe.each(OPERATIONS)('%s', (operation, result, make) => {
  const command = () => make() as GenerateRandomCommand

  it(`carries a document, and gives the opened value as ${result}`, async () => {
    const { client, sent, opened } = scene({ KeyId, CiphertextForRecipient: base64(SEALED) })
    const output = await client.send(command())
    expect(sent).toMatchObject([
      {
        Recipient: { AttestationDocument: base64(DOCUMENT), KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
      },
    ])
    expect(opened.map(([sealed]) => sealed)).toEqual([[...SEALED]])
    expect(Reflect.get(output, result)).toBe(OPENED)
    expect(output).not.toHaveProperty('CiphertextForRecipient')
    expect(output.$metadata.httpStatusCode).toBe(200)
  })
  it.each([
    ['the value in spite of it', { [result]: base64(OPENED) }],
    ['both', { [result]: base64(OPENED), CiphertextForRecipient: base64(SEALED) }],
    ['an empty value beside it', { [result]: '', CiphertextForRecipient: base64(SEALED) }],
    ['neither', {}],
  ])('refuses %s, and zeroes it', async (_, answer) => {
    const { client, opened } = scene({ KeyId, ...answer })
    const came: unknown[] = []
    client.middlewareStack.add(
      (next) => async (args) => {
        const said = await next(args)
        came.push(Reflect.get(said.output, result))
        return said
      },
      { step: 'serialize' },
    )
    await expect(client.send(command())).rejects.toMatchObject({
      name: 'OperationError',
      code: 'ERR_KMS_IGNORED_RECIPIENT',
      message: expect.stringContaining(operation),
    })
    expect(opened).toEqual([])
    const exposed = came.filter((value) => value instanceof Uint8Array)
    expect(exposed).toHaveLength(result in answer ? 1 : 0)
    for (const value of exposed) expect([...value].every((byte) => byte === 0)).toBe(true)
  })
  it('takes null for absent', async () => {
    const { client } = scene({ KeyId, [result]: null, CiphertextForRecipient: base64(SEALED) })
    expect(Reflect.get(await client.send(command()), result)).toBe(OPENED)
  })
  it("refuses a caller's own Recipient", async () => {
    const { client, sent, attested } = scene({})
    const Recipient = { AttestationDocument: DOCUMENT, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } as const
    const own = command()
    Object.assign(own.input, { Recipient })
    await expect(client.send(own)).rejects.toMatchObject({ code: 'ERR_USAGE' })
    expect({ sent, attested }).toEqual({ sent: [], attested: [] })
  })
  it('attests each call anew, and leaves the input as it was', async () => {
    const { client, attested } = scene({ KeyId, CiphertextForRecipient: base64(SEALED) })
    const one = command()
    const before = { ...one.input }
    Object.freeze(one.input)
    await client.send(one)
    await client.send(one)
    expect(attested).toHaveLength(2)
    expect(one.input).toEqual(before)
  })
  it('tells what was attested, for those who explain', async () => {
    const { client } = scene({ KeyId, CiphertextForRecipient: base64(SEALED) })
    const contexts: HandlerExecutionContext[] = []
    client.middlewareStack.add(
      (next, context) => (args) => {
        contexts.push(context)
        expect(attestedCall(context)).toBeUndefined()
        return next(args)
      },
      { step: 'initialize', priority: 'high' },
    )
    await client.send(command())
    expect(contexts.map(attestedCall)).toEqual([
      { operation, publicKey: PUBLIC_KEY, document: DOCUMENT, ciphertextForRecipient: SEALED },
    ])
  })
})

describe('GenerateRandom', () => {
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
  it('holds to what was asked for when the call began', async () => {
    const input = { NumberOfBytes: 3 }
    const { client, sent, opened } = scene({ CiphertextForRecipient: base64(SEALED) })
    const call = client.send(new GenerateRandomCommand(input))
    input.NumberOfBytes = 4
    await call
    expect(sent).toMatchObject([{ NumberOfBytes: 3 }])
    expect(opened).toEqual([[[...SEALED], { length: 3 }]])
  })
})

describe('a refused call', () => {
  it('has its attestation told, and no answer', async () => {
    const { client } = scene(new Refusal('AccessDeniedException', 'no'))
    const contexts: HandlerExecutionContext[] = []
    client.middlewareStack.add(
      (next, context) => (args) => {
        contexts.push(context)
        return next(args)
      },
      { step: 'initialize', priority: 'high' },
    )
    const call = client.send(new DecryptCommand({ KeyId, CiphertextBlob: blob }))
    await expect(call).rejects.toMatchObject({ name: 'AccessDeniedException', message: 'no' })
    expect(contexts.map(attestedCall)).toEqual([
      { operation: 'Decrypt', publicKey: PUBLIC_KEY, document: DOCUMENT },
    ])
  })
})

describe('other operations', () => {
  it('pass untouched', async () => {
    const { client, sent, attested } = scene({ CiphertextBlob: base64(SEALED) })
    await client.send(new DescribeKeyCommand({ KeyId }))
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext: blob }))
    expect(CiphertextBlob).toEqual(SEALED)
    expect(sent).toEqual([{ KeyId }, { KeyId, Plaintext: base64(blob) }])
    expect(attested).toEqual([])
  })
})

describe('an aborted call', () => {
  const never = () => new Promise<never>(() => undefined)
  const command = () => new GenerateRandomCommand({ NumberOfBytes: 3 })

  /** Aborts once `reached` says so, and gives the failure. */
  async function abortAt(
    recipient: Recipient | RecipientSource,
    reached: () => void,
    options?: NitroRecipientOptions,
  ) {
    const { client, sent } = stubClient(
      recipient,
      () => ({ CiphertextForRecipient: base64(SEALED) }),
      options,
    )
    const controller = new AbortController()
    const call = client.send(command(), { abortSignal: controller.signal })
    const outcome = call.then(
      () => 'done',
      (error: Error) => error.name,
    )
    await vi.waitFor(reached, PATIENCE)
    controller.abort(new Error('enough'))
    return { outcome: await outcome, sent }
  }

  it('ends while the module is still at work', async () => {
    const nsm = stubNsm(never)
    const asked = () => expect(nsm.asked).toHaveLength(1)
    const { outcome, sent } = await abortAt(await createRecipient({ nsm }), asked)
    expect({ outcome, sent }).toEqual({ outcome: 'AbortError', sent: [] })
  })
  it('ends while the key pair is being made', async () => {
    const source = { recipient: vi.fn(never) }
    const asked = () => expect(source.recipient).toHaveBeenCalled()
    expect(await abortAt(source, asked)).toEqual({ outcome: 'AbortError', sent: [] })
  })
  it('ends while the module is asked for random bytes, and zeroes what both gave', async () => {
    let answer: (bytes: Uint8Array) => void = () => undefined
    const random = vi.fn(() => new Promise<Uint8Array>((resolve) => (answer = resolve)))
    const [opened, late] = [Uint8Array.of(4, 5, 6), new Uint8Array(64).fill(1)]
    const recipient = {
      publicKey: PUBLIC_KEY,
      attest: async () => DOCUMENT,
      open: async () => opened,
      random,
    }
    const asked = () => expect(random).toHaveBeenCalled()
    expect(await abortAt(recipient, asked, { mix: 'nsm' })).toMatchObject({ outcome: 'AbortError' })
    expect(opened).toEqual(new Uint8Array(3))
    answer(late)
    await vi.waitFor(() => expect(late).toEqual(new Uint8Array(64)), PATIENCE)
  })
  it('asks nobody when it was aborted before', async () => {
    const source = { recipient: vi.fn(never) }
    const { client } = stubClient(source, () => ({}))
    const call = client.send(command(), { abortSignal: AbortSignal.abort() })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(source.recipient).not.toHaveBeenCalled()
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
  const unused: Recipient = {
    publicKey: OPENED,
    attest: async () => OPENED,
    open: async () => OPENED,
    random: async () => OPENED,
  }
  it('is not taken twice', () => {
    const { client } = scene({})
    expect(() => client.middlewareStack.use(nitroRecipient(unused))).toThrow()
  })
  it.each([{}, undefined, null, 'recipient', { recipient: unused }, { attest: true }])(
    'refuses %j for a recipient',
    (recipient) => {
      expect(() => nitroRecipient(recipient as never)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    },
  )
  it.each(['NSM', 'kms', true, null])('refuses to mix with %j', (mix) => {
    expect(() => nitroRecipient(unused, { mix: mix as 'nsm' })).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining('mix') }),
    )
  })
  it.each(['true', 1, null])('refuses %j for requireKeyArn', (requireKeyArn) => {
    expect(() => nitroRecipient(unused, { requireKeyArn: requireKeyArn as unknown as boolean })).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining('requireKeyArn') }),
    )
  })
})
