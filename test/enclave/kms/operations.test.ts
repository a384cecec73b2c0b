/** Each operation, with a real key pair and real envelopes, against a stub of KMS. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
} from '@aws-sdk/client-kms'
import { beforeAll, describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../../enclave/kms/operations.js'
import { createRecipient, type Recipient } from '../../../enclave/kms/recipient.js'
import { type Body, base64, KEY_ARN, sealedTo, stubClient, stubNsm } from './stub-kms.js'

let recipient: Recipient
beforeAll(async () => {
  recipient = await createRecipient({ nsm: stubNsm() })
})

/** A client of a KMS that seals `plaintext`, and says `more` beside it. */
function answering(plaintext: Uint8Array, more: Body = {}) {
  return stubClient(recipient, async (body) => ({
    KeyId: KEY_ARN,
    ...more,
    CiphertextForRecipient: await sealedTo(body, plaintext),
  }))
}

const sized = (length: number) => Uint8Array.from({ length }, (_, i) => i + 1)
const envelopeError = {
  name: 'OperationError',
  code: 'ERR_ENVELOPE',
  message: 'the envelope could not be opened',
}
const usageError = { name: 'UsageError', code: 'ERR_USAGE' }

describe('GenerateRandom', () => {
  it.each([1, 32, 1024])('gives %d bytes', async (NumberOfBytes) => {
    const { client } = answering(sized(NumberOfBytes))
    const { Plaintext } = await client.send(new GenerateRandomCommand({ NumberOfBytes }))
    expect(Plaintext).toEqual(sized(NumberOfBytes))
  })
  it.each([31, 33])('refuses %d bytes where 32 were asked for', async (length) => {
    const { client } = answering(sized(length))
    const call = client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
    await expect(call).rejects.toMatchObject(envelopeError)
  })
})

describe('GenerateDataKey', () => {
  it.each([
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 64 }, 64],
  ] as const)('of %j: exactly %#', async (size, length) => {
    const command = new GenerateDataKeyCommand({ KeyId: KEY_ARN, ...size })
    const { client } = answering(sized(length), { CiphertextBlob: base64(sized(5)) })
    const { $metadata, ...output } = await client.send(command)
    expect(output).toEqual({ KeyId: KEY_ARN, CiphertextBlob: sized(5), Plaintext: sized(length) })
    for (const other of [length - 1, length + 1]) {
      await expect(answering(sized(other)).client.send(command)).rejects.toMatchObject(envelopeError)
    }
  })
  it.each([{}, { KeySpec: 'AES_256', NumberOfBytes: 32 }, { KeySpec: 'AES_192' }, { NumberOfBytes: '32' }])(
    'of %j is not sent',
    async (size) => {
      const { client, sent } = answering(sized(32))
      const call = client.send(new GenerateDataKeyCommand({ KeyId: KEY_ARN, ...(size as object) }))
      await expect(call).rejects.toMatchObject(usageError)
      expect(sent).toEqual([])
    },
  )
})

describe('Decrypt', () => {
  const command = (more: object = {}) =>
    new DecryptCommand({ KeyId: KEY_ARN, CiphertextBlob: new Uint8Array(256), ...more })

  it.each([1, 32, 4096])('gives %d bytes', async (length) => {
    const { client, sent } = answering(sized(length), { EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
    const { $metadata, ...output } = await client.send(command({ EncryptionContext: { name: 'wallet' } }))
    expect(output).toEqual({
      KeyId: KEY_ARN,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      Plaintext: sized(length),
    })
    expect(sent).toMatchObject([{ KeyId: KEY_ARN, EncryptionContext: { name: 'wallet' } }])
  })
  it.each([0, 4097])('refuses %d bytes', async (length) => {
    await expect(answering(sized(length)).client.send(command())).rejects.toMatchObject(envelopeError)
  })
  it.each([
    ['RSAES_OAEP_SHA_256', 190],
    ['RSAES_OAEP_SHA_1', 214],
  ])('with a key of 2048 bits and %s: at most %d bytes', async (EncryptionAlgorithm, longest) => {
    const rsa = command({ EncryptionAlgorithm })
    const { Plaintext } = await answering(sized(longest)).client.send(rsa)
    expect(Plaintext).toHaveLength(longest)
    await expect(answering(sized(longest + 1)).client.send(rsa)).rejects.toMatchObject(envelopeError)
    await expect(answering(sized(0)).client.send(rsa)).rejects.toMatchObject(envelopeError)
  })
})

const spki = (key: KeyObject) => new Uint8Array(key.export({ type: 'spki', format: 'der' }))
const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })

describe('DeriveSharedSecret', () => {
  const command = (PublicKey: Uint8Array) =>
    new DeriveSharedSecretCommand({ KeyId: KEY_ARN, KeyAgreementAlgorithm: 'ECDH', PublicKey })

  it.each([
    ['P-256', 32],
    ['P-384', 48],
    ['P-521', 66],
    ['SM2', 32],
  ])('on %s: exactly %d bytes', async (name, length) => {
    const asked = command(spki(curve(name).publicKey))
    const { client } = answering(sized(length), { KeyOrigin: 'AWS_KMS' })
    const { $metadata, ...output } = await client.send(asked)
    expect(output).toEqual({ KeyId: KEY_ARN, KeyOrigin: 'AWS_KMS', SharedSecret: sized(length) })
    for (const other of [length - 1, length + 1]) {
      await expect(answering(sized(other)).client.send(asked)).rejects.toMatchObject(envelopeError)
    }
  })
  it.each([
    ['an RSA key', spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    ['another curve', spki(curve('brainpoolP256r1').publicKey)],
    ['no key', sized(91)],
    ['nothing', undefined as never],
  ])('of %s is not sent', async (_, PublicKey) => {
    const { client, sent } = answering(sized(32))
    await expect(client.send(command(PublicKey))).rejects.toMatchObject(usageError)
    expect(sent).toEqual([])
  })
})

describe('GenerateDataKeyPair', () => {
  const pair = curve('P-256')
  const command = (KeyPairSpec: string) =>
    new GenerateDataKeyPairCommand({ KeyId: KEY_ARN, KeyPairSpec: KeyPairSpec as 'RSA_2048' })
  const privateKey = new Uint8Array(pair.privateKey.export({ type: 'pkcs8', format: 'der' }))
  const open = { PublicKey: base64(spki(pair.publicKey)), KeyPairSpec: 'ECC_NIST_P256' }

  it('gives the private key beside what else KMS says', async () => {
    const { client } = answering(privateKey, { ...open, PrivateKeyCiphertextBlob: base64(sized(5)) })
    const { $metadata, ...output } = await client.send(command('ECC_NIST_P256'))
    expect(output).toEqual({
      KeyId: KEY_ARN,
      KeyPairSpec: 'ECC_NIST_P256',
      PublicKey: spki(pair.publicKey),
      PrivateKeyCiphertextBlob: sized(5),
      PrivateKeyPlaintext: privateKey,
    })
  })
  it.each([
    ['of another pair', { ...open, PublicKey: base64(spki(curve('P-256').publicKey)) }, 'ECC_NIST_P256'],
    ['of another spec', open, 'ECC_NIST_P384'],
    ['without its public half', {}, 'ECC_NIST_P256'],
  ])('refuses one %s', async (_, more, spec) => {
    const { client } = answering(privateKey, more)
    await expect(client.send(command(spec))).rejects.toMatchObject(envelopeError)
  })
  it.each([undefined, 'RSA_1024', 'ML_KEM_768'])('of %s is not sent', async (spec) => {
    const { client, sent } = answering(privateKey, open)
    await expect(client.send(command(spec as string))).rejects.toMatchObject({
      ...usageError,
      message: expect.stringContaining(String(spec)),
    })
    expect(sent).toEqual([])
  })
})

it('one failure, whatever did not fit', async () => {
  const calls: Promise<unknown>[] = [
    answering(sized(31)).client.send(new GenerateRandomCommand({ NumberOfBytes: 32 })),
    answering(sized(31)).client.send(new GenerateDataKeyCommand({ KeyId: KEY_ARN, KeySpec: 'AES_256' })),
    answering(sized(0)).client.send(new DecryptCommand({ KeyId: KEY_ARN, CiphertextBlob: sized(1) })),
    answering(sized(9)).client.send(
      new GenerateDataKeyPairCommand({ KeyId: KEY_ARN, KeyPairSpec: 'RSA_2048' }),
    ),
  ]
  const failures = await Promise.all(calls.map((call) => call.catch((error: object) => error)))
  for (const failure of failures as object[]) {
    // What the SDK adds tells of the exchange, which was a success.
    const { $metadata, ...shape } = failure as Record<string, unknown>
    expect({ ...shape, message: Reflect.get(failure, 'message') }).toEqual(envelopeError)
    expect(failure).not.toHaveProperty('cause')
  }
})

it('each tells whether a KMS key takes part in it, and whether other random bytes may', () => {
  const told = [...OPERATIONS].map(([name, { keyed, mixable = false }]) => [name, { keyed, mixable }])
  expect(Object.fromEntries(told)).toEqual({
    GenerateRandom: { keyed: false, mixable: true },
    GenerateDataKey: { keyed: true, mixable: false },
    GenerateDataKeyPair: { keyed: true, mixable: false },
    DeriveSharedSecret: { keyed: true, mixable: false },
    Decrypt: { keyed: true, mixable: false },
  })
})
