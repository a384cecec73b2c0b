import { beforeAll, describe, expect, it } from 'vitest'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import {
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
const EncryptionContext = { purpose: 'test' }
const keys = { symmetric: '', rsa: '' }
beforeAll(async () => {
  keys.symmetric = (await newKey(ctx)).Arn
  keys.rsa = (await newKey(ctx, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })).Arn
})

/** What Decrypt makes of an answer's CiphertextBlob. */
async function decrypted(CiphertextBlob: unknown) {
  return (await call('Decrypt', { CiphertextBlob, EncryptionContext }, ctx)).Plaintext
}

describe.each(['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'])('%s', (operation) => {
  const generate = (input: object, change: object = {}) =>
    call(operation, { KeyId: keys.symmetric, EncryptionContext, ...input }, { ...ctx, ...change })

  it.each([
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ])('of %j has %i bytes, which Decrypt gives back', async (size, length) => {
    const answer = await generate(size)
    expect(answer).toMatchObject({
      KeyId: keys.symmetric,
      KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const plaintext = await decrypted(answer.CiphertextBlob)
    expect(bytes(plaintext).length).toBe(length)
    expect(answer.Plaintext).toBe(operation === 'GenerateDataKey' ? plaintext : undefined)
  })

  it('gives a key that nobody had before', async () => {
    const [one, two] = [await generate({ KeySpec: 'AES_256' }), await generate({ KeySpec: 'AES_256' })]
    expect(await decrypted(one.CiphertextBlob)).not.toBe(await decrypted(two.CiphertextBlob))
  })

  it.each([
    ['neither length nor spec', {}, 'Please specify either number of bytes or key spec.'],
    ['both', { NumberOfBytes: 32, KeySpec: 'AES_256' }, 'Please specify either number of bytes or key spec.'],
    [
      'too many bytes',
      { NumberOfBytes: 1025 },
      constraint("'1025' ", 'numberOfBytes', 'have value less than or equal to 1024'),
    ],
    [
      'another spec',
      { KeySpec: 'AES_192' },
      constraint("'AES_192' ", 'keySpec', 'satisfy enum value set: [AES_256, AES_128]'),
    ],
    ['no KeyId', { KeyId: undefined, NumberOfBytes: 1 }, constraint('null ', 'keyId', 'not be null')],
  ])('refuses %s', async (_, input, message) => {
    await expect(generate(input)).rejects.toEqual(refused('ValidationException', message))
  })

  it('refuses an RSA key', async () => {
    await expect(generate({ KeyId: keys.rsa, KeySpec: 'AES_256' })).rejects.toEqual(
      refused('InvalidKeyUsageException', `RSA_2048 which is not valid for ${operation}`),
    )
  })

  it('asks access before state, and both before a dry run', async () => {
    const own = context()
    const { KeyId } = await newKey(own)
    const input = { KeyId, KeySpec: 'AES_256', DryRun: true }
    await expect(generate(input, own)).rejects.toEqual(refused('DryRunOperationException'))
    await call('DisableKey', { KeyId }, own)
    await expect(generate(input, own)).rejects.toEqual(refused('DisabledException'))
    const only = parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' } })
    await expect(generate(input, { ...own, principal: principal(only) })).rejects.toEqual(
      refused('AccessDeniedException', `kms:${operation} on resource`),
    )
  })
})

describe('for an enclave', () => {
  it('GenerateDataKey seals the plaintext, and gives CiphertextBlob all the same', async () => {
    const input = { KeyId: keys.symmetric, EncryptionContext, KeySpec: 'AES_256', Recipient }
    const answer = await call('GenerateDataKey', input, ctx)
    expect(Object.keys(answer).sort()).toEqual(['CiphertextBlob', 'CiphertextForRecipient', 'KeyId'])
    expect(base64(await opened(answer))).toBe(await decrypted(answer.CiphertextBlob))
  })

  it('an outdated KMS ignores Recipient', async () => {
    const input = { KeyId: keys.symmetric, EncryptionContext, KeySpec: 'AES_256', Recipient }
    const answer = await call('GenerateDataKey', input, { ...ctx, misbehaviour: 'ignoreRecipient' })
    expect(answer.Plaintext).toBe(await decrypted(answer.CiphertextBlob))
    expect(answer).not.toHaveProperty('CiphertextForRecipient')
  })
})
