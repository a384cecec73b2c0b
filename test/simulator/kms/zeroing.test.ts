import { generateKeyPairSync } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sealEnvelopedData } from '../../../simulator/kms/enveloped-data.js'
import { base64, call, context, newKey, Recipient } from './operations/support.js'
import { openSealed, rsaKey } from './support.js'

const made = vi.hoisted(() => [] as Buffer[])
/** What was to be sealed or encrypted, in the very buffers. */
const secrets = vi.hoisted(() => [] as Uint8Array[])

vi.mock('node:crypto', async (original) => {
  const actual = await original<typeof import('node:crypto')>()
  const randomBytes = (size: number) => {
    const bytes = actual.randomBytes(size)
    made.push(bytes)
    return bytes
  }
  return { ...actual, randomBytes }
})
vi.mock('../../../simulator/kms/enveloped-data.js', async (original) => {
  const actual = await original<typeof import('../../../simulator/kms/enveloped-data.js')>()
  const sealing: typeof actual.sealEnvelopedData = (plaintext, key) => {
    secrets.push(plaintext)
    return actual.sealEnvelopedData(plaintext, key)
  }
  return { ...actual, sealEnvelopedData: sealing }
})
vi.mock('../../../simulator/kms/keys/symmetric-ciphertext.js', async (original) => {
  const actual = await original<typeof import('../../../simulator/kms/keys/symmetric-ciphertext.js')>()
  const sealing: typeof actual.sealSymmetric = (key, plaintext, encryptionContext) => {
    secrets.push(plaintext)
    return actual.sealSymmetric(key, plaintext, encryptionContext)
  }
  return { ...actual, sealSymmetric: sealing }
})

const key = rsaKey()
const zero = (size: number) => Buffer.alloc(size)
beforeEach(() => {
  made.length = 0
  secrets.length = 0
})

it('zeroes the content key, and leaves the plaintext to its owner', async () => {
  const plaintext = Buffer.from('plaintext')
  const opened = await openSealed(sealEnvelopedData(plaintext, key.spki), key)
  expect(Buffer.from(opened ?? [])).toEqual(plaintext)
  const [contentKey, iv] = made
  expect(contentKey).toEqual(zero(32))
  expect(iv).not.toEqual(zero(16))
})

it('zeroes the content key when the sealing fails', () => {
  expect(() => sealEnvelopedData(Buffer.from('x'), Buffer.from('no key'))).toThrow()
  expect(made[0]).toEqual(zero(32))
})

it('zeroes the random bytes once they are sealed', async () => {
  await call('GenerateRandom', { NumberOfBytes: 100, Recipient }, context())
  expect(made[0]).toEqual(zero(100))
})

it('zeroes the material of a new key', async () => {
  await newKey(context())
  expect(made[0]).toEqual(zero(32))
})

describe('zeroes what it encrypted and answered', () => {
  const ctx = context()

  async function inputs(): Promise<Record<string, object>> {
    const { KeyId } = await newKey(ctx)
    const agreement = await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'aaaa' }, ctx)
    return {
      Encrypt: { KeyId, Plaintext: 'aaaa' },
      Decrypt: { CiphertextBlob, Recipient },
      GenerateDataKey: { KeyId, KeySpec: 'AES_256', Recipient },
      'GenerateDataKey ': { KeyId, KeySpec: 'AES_256' },
      GenerateDataKeyWithoutPlaintext: { KeyId, KeySpec: 'AES_256' },
      GenerateDataKeyPair: { KeyId, KeyPairSpec: 'ECC_NIST_P256', Recipient },
      DeriveSharedSecret: {
        KeyId: agreement.KeyId,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: base64(publicKey.export({ type: 'spki', format: 'der' })),
        Recipient,
      },
    }
  }

  it('in every operation', async () => {
    for (const [operation, input] of Object.entries(await inputs())) {
      secrets.length = 0
      await call(operation.trim(), input, ctx)
      expect(secrets.length).toBeGreaterThan(0)
      expect([operation, ...secrets.map((one) => one.some((byte) => byte !== 0))]).toEqual([
        operation,
        ...secrets.map(() => false),
      ])
    }
  })
})
