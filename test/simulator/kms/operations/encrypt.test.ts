import { constants, createPublicKey, publicEncrypt } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { base64, bytes, call, constraint, context, newKey, principal, refused } from './support.js'

const ctx = context()
const keys = { symmetric: '', other: '', rsa: '', agreement: '' }
beforeAll(async () => {
  keys.symmetric = (await newKey(ctx)).Arn
  keys.other = (await newKey(ctx)).Arn
  keys.rsa = (await newKey(ctx, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })).Arn
  keys.agreement = (await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })).Arn
})

const encrypt = (input: object) => call('Encrypt', { KeyId: keys.symmetric, ...input }, ctx)
const decrypt = (input: object) => call('Decrypt', input, ctx)
const text = fc.string({ unit: 'binary' })

describe('under a symmetric key', () => {
  it('comes back in Decrypt, whatever plaintext and context', async () => {
    const context_ = fc.option(fc.dictionary(text, text, { maxKeys: 5 }), { nil: undefined })
    const plaintext = fc.uint8Array({ minLength: 1, maxLength: 4096 })
    await fc.assert(
      fc.asyncProperty(plaintext, context_, async (data, EncryptionContext) => {
        const answer = await encrypt({ Plaintext: base64(data), EncryptionContext })
        expect(answer).toEqual({
          CiphertextBlob: expect.any(String),
          KeyId: keys.symmetric,
          EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        })
        const { CiphertextBlob } = answer
        const back = await decrypt({ CiphertextBlob, EncryptionContext })
        expect(back).toMatchObject({ Plaintext: base64(data), KeyId: keys.symmetric })
      }),
      { numRuns: 50 },
    )
  })

  it('never gives the same ciphertext twice', async () => {
    const [one, two] = [await encrypt({ Plaintext: 'AAAA' }), await encrypt({ Plaintext: 'AAAA' })]
    expect(one.CiphertextBlob).not.toBe(two.CiphertextBlob)
  })

  it('leaves the longest plaintext within what Decrypt takes', async () => {
    const { CiphertextBlob } = await encrypt({ Plaintext: base64(Buffer.alloc(4096)) })
    expect(bytes(CiphertextBlob).length).toBeLessThanOrEqual(6144)
  })
})

describe('under an RSA key', () => {
  it.each([
    ['RSAES_OAEP_SHA_1', 'sha1', 214],
    ['RSAES_OAEP_SHA_256', 'sha256', 190],
  ])('%s is OAEP with %s, for at most %i bytes', async (EncryptionAlgorithm, oaepHash, limit) => {
    const data = Buffer.alloc(limit, 7)
    const answer = await encrypt({ KeyId: keys.rsa, EncryptionAlgorithm, Plaintext: base64(data) })
    expect(answer).toMatchObject({ KeyId: keys.rsa, EncryptionAlgorithm })
    expect(
      await decrypt({ KeyId: keys.rsa, EncryptionAlgorithm, CiphertextBlob: answer.CiphertextBlob }),
    ).toEqual({
      KeyId: keys.rsa,
      EncryptionAlgorithm,
      Plaintext: base64(data),
    })
    await expect(
      encrypt({ KeyId: keys.rsa, EncryptionAlgorithm, Plaintext: base64(Buffer.alloc(limit + 1)) }),
    ).rejects.toEqual(
      refused('ValidationException', `at most ${limit} bytes for ${EncryptionAlgorithm} and RSA_2048`),
    )
    const { PublicKey } = await call('GetPublicKey', { KeyId: keys.rsa }, ctx)
    const key = createPublicKey({ key: bytes(PublicKey), type: 'spki', format: 'der' })
    const outside = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, data)
    const back = await decrypt({ KeyId: keys.rsa, EncryptionAlgorithm, CiphertextBlob: base64(outside) })
    expect(back.Plaintext).toBe(base64(data))
  })

  it('takes no encryption context', async () => {
    const input = {
      KeyId: keys.rsa,
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      EncryptionContext: { a: 'b' },
    }
    await expect(encrypt({ ...input, Plaintext: 'AAAA' })).rejects.toEqual(
      refused('ValidationException', 'EncryptionContext'),
    )
  })
})

describe('refuses', () => {
  it.each([
    ['no KeyId', { KeyId: null }, constraint('null ', 'keyId', 'not be null')],
    ['no Plaintext', { Plaintext: undefined }, constraint('null ', 'plaintext', 'not be null')],
    [
      'an empty Plaintext',
      { Plaintext: '' },
      constraint('', 'plaintext', 'have length greater than or equal to 1'),
    ],
    [
      'a long Plaintext',
      { Plaintext: base64(Buffer.alloc(4097)) },
      constraint('', 'plaintext', 'have length less than or equal to 4096'),
    ],
    ['many grant tokens', { GrantTokens: Array(11).fill('x') }, "at 'grantTokens'"],
    ['an unknown algorithm', { EncryptionAlgorithm: 'ROT13' }, "Value 'ROT13' at 'encryptionAlgorithm'"],
  ])('%s', async (_, input, message) => {
    await expect(encrypt({ Plaintext: 'AAAA', ...input })).rejects.toEqual(
      refused('ValidationException', message),
    )
  })

  it('an encryption context of numbers', async () => {
    await expect(encrypt({ Plaintext: 'AAAA', EncryptionContext: { a: 1 } })).rejects.toEqual(
      refused('SerializationException'),
    )
  })

  it('an algorithm of another kind of key', async () => {
    const wrong = refused('InvalidKeyUsageException', 'is incompatible with key spec')
    await expect(encrypt({ Plaintext: 'AAAA', EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' })).rejects.toEqual(
      wrong,
    )
    await expect(encrypt({ Plaintext: 'AAAA', EncryptionAlgorithm: 'SM2PKE' })).rejects.toEqual(wrong)
    await expect(encrypt({ KeyId: keys.rsa, Plaintext: 'AAAA' })).rejects.toEqual(wrong)
  })

  it('a key that agrees on secrets', async () => {
    await expect(encrypt({ KeyId: keys.agreement, Plaintext: 'AAAA' })).rejects.toEqual(
      refused(
        'InvalidKeyUsageException',
        `${keys.agreement} key usage is KEY_AGREEMENT which is not valid for Encrypt.`,
      ),
    )
  })

  it('after access, state, usage, and a dry run last', async () => {
    await call('DisableKey', { KeyId: keys.other }, ctx)
    const denied = principal(parsePolicy({ Statement: { Effect: 'Deny', Action: '*', Resource: '*' } }))
    const input = {
      KeyId: keys.other,
      Plaintext: 'AAAA',
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      DryRun: true,
    }
    await expect(call('Encrypt', input, { ...ctx, principal: denied })).rejects.toEqual(
      refused('AccessDeniedException'),
    )
    await expect(encrypt(input)).rejects.toEqual(refused('DisabledException', `${keys.other} is disabled.`))
    await call('EnableKey', { KeyId: keys.other }, ctx)
    await expect(encrypt(input)).rejects.toEqual(refused('InvalidKeyUsageException'))
    await expect(encrypt({ ...input, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })).rejects.toEqual(
      refused('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.'),
    )
  })
})
