import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { FormatError, PolicyError, VerificationError } from '../../../shared/errors.js'
import type { Misbehaviour } from '../../../simulator/kms/operations.js'
import { parsePolicy } from '../../../simulator/kms/policy/policy-document.js'
import {
  base64,
  bytes,
  type ContextOptions,
  call,
  context,
  enclave,
  newKey,
  opened,
  principal,
  Recipient,
  refused,
} from './operations/support.js'
import { openSealed } from './support.js'

const { key, pcrs } = enclave
const attempt = (input: unknown, change?: ContextOptions) => call('GenerateRandom', input, context(change))
const withKey = (publicKey: Uint8Array | undefined) =>
  attempt({ NumberOfBytes: 1, Recipient }, { verify: async () => ({ document: { pcrs, publicKey } }) })

/** One that nobody has the private half of: a modulus of this length, made at once. */
function publicKeyOf(bits: number): Uint8Array {
  const modulus =
    (BigInt(`0x${randomBytes(bits / 8 + 1).toString('hex')}`) & ((1n << BigInt(bits)) - 1n)) | 1n
  const hex = (modulus | (1n << BigInt(bits - 1))).toString(16)
  const n = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' }).export({
    type: 'spki',
    format: 'der',
  })
}

describe('each of the five operations', () => {
  const ctx = context()
  const secrets = {
    GenerateRandom: 'Plaintext',
    Decrypt: 'Plaintext',
    GenerateDataKey: 'Plaintext',
    GenerateDataKeyPair: 'PrivateKeyPlaintext',
    DeriveSharedSecret: 'SharedSecret',
  }
  const inputs: Record<string, object> = {}
  beforeAll(async () => {
    const { KeyId } = await newKey(ctx)
    const agreement = await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const encrypted = await call('Encrypt', { KeyId, Plaintext: 'AAAA' }, ctx)
    Object.assign(inputs, {
      GenerateRandom: { NumberOfBytes: 32 },
      Decrypt: { CiphertextBlob: encrypted.CiphertextBlob },
      GenerateDataKey: { KeyId, KeySpec: 'AES_256' },
      GenerateDataKeyPair: { KeyId, KeyPairSpec: 'ECC_NIST_P256' },
      DeriveSharedSecret: {
        KeyId: agreement.KeyId,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: base64(publicKey.export({ type: 'spki', format: 'der' })),
      },
    })
  })

  describe.each(Object.entries(secrets))('%s', (operation, secret) => {
    const ask = (recipient: object | undefined, change: object = {}) =>
      call(operation, { ...inputs[operation], Recipient: recipient }, { ...ctx, ...change })

    it(`answers ${secret} or CiphertextForRecipient, never both`, async () => {
      const open = await ask(undefined)
      expect(open).toHaveProperty(secret)
      expect(open).not.toHaveProperty('CiphertextForRecipient')
      const sealed = await ask(Recipient)
      expect(sealed).not.toHaveProperty(secret)
      expect((await opened(sealed)).length).toBeGreaterThan(0)
    })

    it('refuses a document that is not genuine, and one without a key', async () => {
      const verify = () => Promise.reject(new VerificationError('ERR_COSE_SIGNATURE', 'x'))
      await expect(ask(Recipient, { verify })).rejects.toEqual(
        refused('ValidationException', 'cannot accept the attestation document'),
      )
      const keyless = async () => ({ document: { pcrs } })
      await expect(ask(Recipient, { verify: keyless })).rejects.toEqual(
        refused('ValidationException', 'needs an RSA public key'),
      )
      await expect(ask({})).rejects.toEqual(refused('ValidationException', 'Recipient needs both'))
    })

    it('is allowed by the registers of the document', async () => {
      const pinned = (pcr0: string) => {
        const Condition = { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:PCR0': pcr0 } }
        return principal(
          parsePolicy({
            Statement: { Effect: 'Allow', Action: `kms:${operation}`, Resource: '*', Condition },
          }),
        )
      }
      await ask(Recipient, { principal: pinned('ab'.repeat(48)) })
      const denied = refused('AccessDeniedException', `kms:${operation}`)
      await expect(ask(undefined, { principal: pinned('ab'.repeat(48)) })).rejects.toEqual(denied)
      const onDenial = vi.fn()
      await expect(ask(Recipient, { principal: pinned('cd'.repeat(48)), onDenial })).rejects.toEqual(denied)
      expect(onDenial.mock.calls).toEqual([[expect.stringContaining('PCR0 differs')]])
    })

    it('misbehaves when it is to', async () => {
      const ignoring = await ask(Recipient, { misbehaviour: 'ignoreRecipient' })
      expect(ignoring).toHaveProperty(secret)
      expect(ignoring).not.toHaveProperty('CiphertextForRecipient')
      for (const misbehaviour of ['wrongRecipient', 'truncatedEnvelope']) {
        const answer = await ask(Recipient, { misbehaviour })
        expect(answer).not.toHaveProperty(secret)
        expect(await openSealed(bytes(answer.CiphertextForRecipient), key)).toBeUndefined()
      }
    })
  })
})

it('hands the decoded document to the verifier', async () => {
  const verify = vi.fn(context().verify)
  await attempt({ NumberOfBytes: 1, Recipient }, { verify })
  expect(verify.mock.calls.map(([bytes]) => Buffer.from(bytes).toString())).toEqual([
    'an attestation document',
  ])
})

it.each([
  [new FormatError('ERR_CBOR_TRUNCATED', 'x'), 'cannot parse the attestation document (ERR_CBOR_TRUNCATED)'],
  [new VerificationError('ERR_COSE_SIGNATURE', 'x'), '(ERR_COSE_SIGNATURE)'],
  [new PolicyError('ERR_POLICY_MAX_AGE', 'x'), 'exceeded the five-minute age limit (ERR_POLICY_MAX_AGE)'],
])('turns %s into a ValidationException', async (error, message) => {
  const verify = () => Promise.reject(error)
  await expect(attempt({ NumberOfBytes: 1, Recipient }, { verify })).rejects.toThrow(
    expect.objectContaining({ name: 'ValidationException', message: expect.stringContaining(message) }),
  )
})

it('passes a fault of the verifier itself on', async () => {
  const verify = () => Promise.reject(new TypeError('bug'))
  await expect(attempt({ NumberOfBytes: 1, Recipient }, { verify })).rejects.toThrow(TypeError)
})

it.each([2048, 2056, 3072, 4096])('serves an RSA key of %i bits', async (bits) => {
  expect(Object.keys(await withKey(publicKeyOf(bits)))).toEqual(['CiphertextForRecipient'])
})

it.each([1024, 2047, 4104])('refuses an RSA key of %i bits', async (bits) => {
  await expect(withKey(publicKeyOf(bits))).rejects.toEqual(
    refused('ValidationException', '2048 to 4096 bits'),
  )
})

it('refuses every other key', async () => {
  const der = { type: 'spki', format: 'der' } as const
  const keys = [
    undefined,
    new Uint8Array(),
    Buffer.from('-----BEGIN PUBLIC KEY-----'),
    key.spki.subarray(0, -1),
    Buffer.concat([key.spki, Uint8Array.of(0)]),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export(der),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export(der),
    key.privateKey.export({ type: 'pkcs8', format: 'der' }),
  ]
  for (const each of keys) {
    await expect(withKey(each)).rejects.toEqual(refused('ValidationException', 'needs an RSA public key'))
  }
})

describe('misbehaviour', () => {
  const envelope = async (misbehaviour: Misbehaviour | undefined) => {
    const output = await attempt({ NumberOfBytes: 32, Recipient }, { misbehaviour })
    return Buffer.from(String(output.CiphertextForRecipient), 'base64')
  }

  it('ignores Recipient', async () => {
    expect(
      Object.keys(await attempt({ NumberOfBytes: 1, Recipient }, { misbehaviour: 'ignoreRecipient' })),
    ).toEqual(['Plaintext'])
  })

  it('seals for a stranger', async () => {
    const sealed = await envelope('wrongRecipient')
    expect(sealed.length).toBe(493)
    expect(sealed.subarray(0x21, 0x41)).not.toEqual((await envelope(undefined)).subarray(0x21, 0x41))
  })

  it('cuts the envelope', async () => {
    const sealed = await envelope('truncatedEnvelope')
    expect(sealed.length).toBe(477)
    expect(await openSealed(sealed, key)).toBeUndefined()
  })
})
