import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createAccount } from '../../../../simulator/kms/account.js'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { ACCOUNT, bytes, call, constraint, context, NOW, newKey, principal, refused } from './support.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const attempt = (input: object) => call('CreateKey', input, context())

it('makes a symmetric key when nothing else is asked for', async () => {
  const metadata = await newKey(context())
  const { KeyId, CurrentKeyMaterialId, ...rest } = metadata
  expect(KeyId).toMatch(UUID)
  expect(CurrentKeyMaterialId).toMatch(/^[0-9a-f]{64}$/)
  expect(rest).toEqual({
    AWSAccountId: ACCOUNT,
    Arn: `arn:aws:kms:us-east-1:${ACCOUNT}:key/${KeyId}`,
    CreationDate: NOW.getTime() / 1000,
    Enabled: true,
    Description: '',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: 'Enabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    MultiRegion: false,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
  })
})

it.each([
  ['RSA_2048', 'ENCRYPT_DECRYPT', { asymmetricKeyType: 'rsa', modulusLength: 2048 }],
  ['RSA_3072', 'ENCRYPT_DECRYPT', { asymmetricKeyType: 'rsa', modulusLength: 3072 }],
  ['ECC_NIST_P256', 'KEY_AGREEMENT', { asymmetricKeyType: 'ec', namedCurve: 'prime256v1' }],
  ['ECC_NIST_P384', 'KEY_AGREEMENT', { asymmetricKeyType: 'ec', namedCurve: 'secp384r1' }],
  ['ECC_NIST_P521', 'KEY_AGREEMENT', { asymmetricKeyType: 'ec', namedCurve: 'secp521r1' }],
])('makes %s for %s', async (KeySpec, KeyUsage, key) => {
  const ctx = context()
  const metadata = await newKey(ctx, { KeySpec, KeyUsage, Description: 'a key' })
  const algorithms =
    KeyUsage === 'KEY_AGREEMENT'
      ? { KeyAgreementAlgorithms: ['ECDH'] }
      : { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] }
  expect(metadata).toMatchObject({ KeySpec, KeyUsage, Description: 'a key', ...algorithms })
  expect(metadata).not.toHaveProperty('CurrentKeyMaterialId')
  const { PublicKey } = await call('GetPublicKey', { KeyId: metadata.KeyId }, ctx)
  const made = createPublicKey({ key: bytes(PublicKey), type: 'spki', format: 'der' })
  expect({ asymmetricKeyType: made.asymmetricKeyType, ...made.asymmetricKeyDetails }).toMatchObject(key)
})

it('puts the key into the partition of its region', async () => {
  const account = createAccount({ region: 'cn-north-1', accountId: '210987654321' })
  const caller = principal(undefined, 'arn:aws-cn:iam::210987654321:user/somebody')
  const { Arn, KeyId } = await newKey(context({ account, principal: caller }))
  expect(Arn).toBe(`arn:aws-cn:kms:cn-north-1:210987654321:key/${KeyId}`)
})

it('takes the old name of KeySpec, tags, and nulls', async () => {
  const metadata = await newKey(context(), {
    CustomerMasterKeySpec: 'ECC_NIST_P256',
    KeyUsage: 'KEY_AGREEMENT',
    Tags: [{ TagKey: 'team', TagValue: '' }],
    Origin: 'AWS_KMS',
    MultiRegion: false,
    Policy: null,
  })
  expect(metadata.KeySpec).toBe('ECC_NIST_P256')
})

it.each([
  ['RSA_2048', 'SIGN_VERIFY'],
  ['ECC_NIST_P256', 'SIGN_VERIFY'],
  ['HMAC_256', 'GENERATE_VERIFY_MAC'],
  ['ECC_SECG_P256K1', 'SIGN_VERIFY'],
  ['SM2', 'KEY_AGREEMENT'],
  ['ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'],
])('refuses %s for %s, which no operation here uses', async (KeySpec, KeyUsage) => {
  await expect(attempt({ KeySpec, KeyUsage })).rejects.toEqual(
    refused('UnsupportedOperationException', `KeySpec ${KeySpec} with KeyUsage ${KeyUsage}`),
  )
})

it.each([
  ['an origin', { Origin: 'EXTERNAL' }, 'origin EXTERNAL'],
  ['a custom key store', { CustomKeyStoreId: 'cks-1' }, 'custom key store'],
  ['an external key', { XksKeyId: 'x' }, 'custom key store'],
  ['several regions', { MultiRegion: true }, 'multi-Region'],
])('refuses %s that is not simulated', async (_, input, message) => {
  await expect(attempt(input)).rejects.toEqual(refused('UnsupportedOperationException', message))
})

describe('validation', () => {
  it.each([
    ['a usage that is missing', { KeySpec: 'RSA_2048' }, 'KeyUsage is required for KeySpec RSA_2048'],
    [
      'a usage of another kind',
      { KeySpec: 'RSA_2048', KeyUsage: 'KEY_AGREEMENT' },
      'KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048',
    ],
    [
      'both names of the spec',
      { KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'RSA_2048' },
      'old name',
    ],
    [
      'a long description',
      { Description: 'x'.repeat(8193) },
      constraint(`'${'x'.repeat(8193)}' `, 'description', 'have length less than or equal to 8192'),
    ],
    [
      'an unknown spec',
      { KeySpec: 'RSA_1024' },
      "Value 'RSA_1024' at 'keySpec' failed to satisfy constraint",
    ],
    [
      'an empty tag key',
      { Tags: [{ TagKey: '', TagValue: 'x' }] },
      constraint("'' ", 'tags.1.member.tagKey', 'have length greater than or equal to 1'),
    ],
  ])('refuses %s', async (_, input, message) => {
    await expect(attempt(input)).rejects.toEqual(refused('ValidationException', message))
  })

  it.each([
    [
      'twice',
      [
        { TagKey: 'a', TagValue: '1' },
        { TagKey: 'a', TagValue: '2' },
      ],
    ],
    ['reserved', [{ TagKey: 'aws:a', TagValue: '1' }]],
  ])('refuses a tag key that is %s', async (_, Tags) => {
    await expect(attempt({ Tags })).rejects.toEqual(refused('TagException'))
  })
})

describe('policy', () => {
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
    Action: 'kms:*',
    Resource: '*',
  }

  it('is the default one, which lets the account decide', async () => {
    const ctx = context()
    const { KeyId } = await newKey(ctx)
    const { Policy } = await call('GetKeyPolicy', { KeyId }, ctx)
    expect(JSON.parse(String(Policy))).toMatchObject({ Statement: [statement] })
  })

  it('is the one given', async () => {
    const ctx = context()
    const Policy = JSON.stringify({ Version: '2012-10-17', Id: 'mine', Statement: [statement] })
    const { KeyId } = await newKey(ctx, { Policy })
    expect(await call('GetKeyPolicy', { KeyId }, ctx)).toEqual({ Policy, PolicyName: 'default' })
  })

  it('is refused when it is none', async () => {
    await expect(attempt({ Policy: '{' })).rejects.toEqual(refused('MalformedPolicyDocumentException'))
  })

  it('may lock the caller out only when that is asked for', async () => {
    const Policy = JSON.stringify({
      Statement: { ...statement, Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/other` } },
    })
    await expect(attempt({ Policy })).rejects.toEqual(
      refused(
        'MalformedPolicyDocumentException',
        'will not allow you to update the key policy in the future',
      ),
    )
    await attempt({ Policy, BypassPolicyLockoutSafetyCheck: true })
  })

  it('has a largest size', async () => {
    const Policy = JSON.stringify({ Id: 'x'.repeat(32_768), Statement: [statement] })
    await expect(attempt({ Policy })).rejects.toEqual(refused('LimitExceededException'))
  })

  it('of the caller decides who makes keys', async () => {
    const ctx = context({
      policy: parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' } }),
    })
    await expect(call('CreateKey', {}, ctx)).rejects.toEqual(
      refused('AccessDeniedException', 'kms:CreateKey'),
    )
    expect(ctx.account.keys.size).toBe(0)
  })
})
