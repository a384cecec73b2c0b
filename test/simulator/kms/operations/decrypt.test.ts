import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import {
  ACCOUNT,
  base64,
  bytes,
  call,
  constraint,
  context,
  newKey,
  opened,
  principal,
  Recipient,
  refused,
} from './support.js'

const ctx = context()
const EncryptionContext = { purpose: 'test', tenant: 'a' }
const SECRET = base64('a secret')
const keys = { first: '', second: '', rsa: '', agreement: '' }
let CiphertextBlob = ''
beforeAll(async () => {
  keys.first = (await newKey(ctx)).Arn
  keys.second = (await newKey(ctx)).Arn
  keys.rsa = (await newKey(ctx, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })).Arn
  keys.agreement = (await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })).Arn
  const input = { KeyId: keys.first, Plaintext: SECRET, EncryptionContext }
  CiphertextBlob = String((await call('Encrypt', input, ctx)).CiphertextBlob)
})

const decrypt = (input: object = {}, change: object = {}) =>
  call('Decrypt', { CiphertextBlob, EncryptionContext, ...input }, { ...ctx, ...change })
/** KMS has nothing to say of it. */
const invalid = expect.objectContaining({ name: 'InvalidCiphertextException', message: '', status: 400 })

it('needs no KeyId for a symmetric ciphertext, and names the key', async () => {
  expect(await decrypt()).toEqual({
    KeyId: keys.first,
    Plaintext: SECRET,
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})

it('takes the context in any order of its names', async () => {
  expect(await decrypt({ EncryptionContext: { tenant: 'a', purpose: 'test' } })).toMatchObject({
    Plaintext: SECRET,
  })
})

it('answers an enclave by an envelope, and without Plaintext or KeyMaterialId', async () => {
  const answer = await decrypt({ Recipient })
  expect(Object.keys(answer).sort()).toEqual(['CiphertextForRecipient', 'EncryptionAlgorithm', 'KeyId'])
  expect((await opened(answer)).toString()).toBe('a secret')
})

it('answers an enclave that asks for an RSA decryption, too', async () => {
  const rsa = { KeyId: keys.rsa, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }
  const encrypted = await call('Encrypt', { ...rsa, Plaintext: SECRET }, ctx)
  const input = { ...rsa, CiphertextBlob: encrypted.CiphertextBlob, EncryptionContext: null, Recipient }
  const answer = await decrypt(input)
  expect(answer).not.toHaveProperty('Plaintext')
  expect((await opened(answer)).toString()).toBe('a secret')
})

describe('InvalidCiphertextException', () => {
  it.each([
    ['another value', { purpose: 'test', tenant: 'b' }],
    ['another name', { purpose: 'test', tenan: 'a' }],
    ['a pair less', { purpose: 'test' }],
    ['a pair more', { purpose: 'test', tenant: 'a', x: '' }],
    ['texts cut elsewhere', { purpose: 'testt', enant: 'a' }],
    ['none', undefined],
  ])('for a context with %s', async (_, wrong) => {
    await expect(decrypt({ EncryptionContext: wrong })).rejects.toEqual(invalid)
  })

  it('for a ciphertext with any bit changed, or cut, or longer', async () => {
    const blob = bytes(CiphertextBlob)
    await fc.assert(
      fc.asyncProperty(fc.nat(blob.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(blob)
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        await expect(decrypt({ CiphertextBlob: base64(changed) })).rejects.toEqual(invalid)
        await expect(decrypt({ CiphertextBlob: base64(changed), KeyId: keys.first })).rejects.toEqual(invalid)
      }),
    )
    for (let length = 1; length < blob.length; length++) {
      await expect(decrypt({ CiphertextBlob: base64(blob.subarray(0, length)) })).rejects.toEqual(invalid)
    }
    await expect(decrypt({ CiphertextBlob: base64(Buffer.concat([blob, Buffer.of(0)])) })).rejects.toEqual(
      invalid,
    )
  })

  it('for a ciphertext of another account', async () => {
    const elsewhere = context()
    const { KeyId } = await newKey(elsewhere)
    const foreign = await call('Encrypt', { KeyId, Plaintext: SECRET, EncryptionContext }, elsewhere)
    await expect(decrypt({ CiphertextBlob: foreign.CiphertextBlob })).rejects.toEqual(invalid)
    await expect(decrypt({ CiphertextBlob: foreign.CiphertextBlob, KeyId: keys.first })).rejects.toEqual(
      invalid,
    )
  })

  it('for what no RSA key encrypted', async () => {
    const input = { KeyId: keys.rsa, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', EncryptionContext: undefined }
    for (const size of [1, 255, 256, 257]) {
      await expect(decrypt({ ...input, CiphertextBlob: base64(randomBytes(size)) })).rejects.toEqual(invalid)
    }
    const other = await call(
      'Encrypt',
      { KeyId: keys.rsa, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1', Plaintext: SECRET },
      ctx,
    )
    await expect(decrypt({ ...input, CiphertextBlob: other.CiphertextBlob })).rejects.toEqual(invalid)
  })
})

describe('refuses', () => {
  it("another key than the ciphertext's", async () => {
    await expect(decrypt({ KeyId: keys.second })).rejects.toEqual(refused('IncorrectKeyException'))
  })

  it('a key that is disabled', async () => {
    const own = context()
    const { KeyId, Arn } = await newKey(own)
    const encrypted = await call('Encrypt', { KeyId, Plaintext: SECRET }, own)
    await call('DisableKey', { KeyId }, own)
    await expect(call('Decrypt', { CiphertextBlob: encrypted.CiphertextBlob }, own)).rejects.toEqual(
      refused('DisabledException', `${Arn} is disabled.`),
    )
  })

  it('a key that agrees on secrets', async () => {
    await expect(decrypt({ KeyId: keys.agreement })).rejects.toEqual(
      refused('InvalidKeyUsageException', 'is not valid for Decrypt'),
    )
  })

  it('an algorithm of another kind of key', async () => {
    const input = { KeyId: keys.first, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }
    await expect(decrypt(input)).rejects.toEqual(
      refused(
        'InvalidKeyUsageException',
        'RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT',
      ),
    )
    await expect(decrypt({ KeyId: keys.rsa })).rejects.toEqual(
      refused('InvalidKeyUsageException', 'SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048'),
    )
  })

  it('an RSA ciphertext without its key', async () => {
    await expect(decrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' })).rejects.toEqual(
      refused('ValidationException', 'KeyId is required'),
    )
  })

  it.each([
    ['no ciphertext', undefined, constraint('null ', 'ciphertextBlob', 'not be null')],
    ['an empty one', '', constraint('', 'ciphertextBlob', 'have length greater than or equal to 1')],
    [
      'a long one',
      base64(Buffer.alloc(6145)),
      constraint('', 'ciphertextBlob', 'have length less than or equal to 6144'),
    ],
  ])('%s', async (_, blob, message) => {
    await expect(decrypt({ CiphertextBlob: blob })).rejects.toEqual(refused('ValidationException', message))
  })
})

describe('access', () => {
  const pinned = (pcr0: string) => ({
    Statement: [
      { Effect: 'Allow', Principal: '*', Action: 'kms:PutKeyPolicy', Resource: '*' },
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/enclave` },
        Action: 'kms:Decrypt',
        Resource: '*',
        Condition: { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': pcr0 } },
      },
    ],
  })

  it('is what the key policy says of the attested registers', async () => {
    const own = context()
    const { KeyId } = await newKey(own)
    const encrypted = await call('Encrypt', { KeyId, Plaintext: SECRET }, own)
    const input = { CiphertextBlob: encrypted.CiphertextBlob, Recipient }
    const none = principal(
      parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' } }),
    )
    await call('PutKeyPolicy', { KeyId, Policy: JSON.stringify(pinned('ab'.repeat(48))) }, own)
    const answer = await call('Decrypt', input, { ...own, principal: none })
    expect((await opened(answer)).toString()).toBe('a secret')
    await expect(
      call('Decrypt', { ...input, Recipient: undefined }, { ...own, principal: none }),
    ).rejects.toEqual(refused('AccessDeniedException'))
    await call('PutKeyPolicy', { KeyId, Policy: JSON.stringify(pinned('00'.repeat(48))) }, own)
    await expect(call('Decrypt', input, { ...own, principal: none })).rejects.toEqual(
      refused('AccessDeniedException'),
    )
  })

  it('is what the policy says of the encryption context', async () => {
    const policy = parsePolicy({
      Statement: {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: '*',
        Condition: { StringEquals: { 'kms:EncryptionContext:tenant': 'a' } },
      },
    })
    const narrow = { principal: principal(policy) }
    expect(await decrypt({}, narrow)).toMatchObject({ Plaintext: SECRET })
    await expect(decrypt({ EncryptionContext: { tenant: 'b' } }, narrow)).rejects.toEqual(
      refused('AccessDeniedException'),
    )
  })

  it('is asked for before anything is said of the ciphertext', async () => {
    const policy = parsePolicy({ Statement: { Effect: 'Deny', Action: '*', Resource: '*' } })
    await expect(decrypt({ KeyId: keys.second }, { principal: principal(policy) })).rejects.toEqual(
      refused('AccessDeniedException'),
    )
  })
})

describe('DryRun', () => {
  const would = refused('DryRunOperationException')

  it('says that it would have worked, or why not', async () => {
    await expect(decrypt({ DryRun: true })).rejects.toEqual(would)
    await expect(decrypt({ DryRun: true, EncryptionContext: {} })).rejects.toEqual(invalid)
  })

  it('does without a ciphertext when asked to', async () => {
    const input = { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'], CiphertextBlob: undefined }
    await expect(decrypt({ ...input, KeyId: keys.first })).rejects.toEqual(would)
    await expect(decrypt(input)).rejects.toEqual(refused('ValidationException', 'KeyId is required'))
    await expect(decrypt({ ...input, KeyId: keys.first, DryRun: false })).rejects.toEqual(
      refused('ValidationException', "'ciphertextBlob'"),
    )
    await expect(decrypt({ ...input, DryRunModifiers: ['ALL'] })).rejects.toEqual(
      refused('ValidationException', "'dryRunModifiers'"),
    )
  })
})
