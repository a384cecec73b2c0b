import { beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNT, call, context, newKey, principal, refused } from '../operations/support.js'

const ctx = context()
let id = ''
beforeAll(async () => {
  id = (await newKey(ctx)).KeyId
  await call('CreateAlias', { AliasName: 'alias/one', TargetKeyId: id }, ctx)
})

const here = `arn:aws:kms:us-east-1:${ACCOUNT}`
const OTHER = '210987654321'
const ABSENT = '01234567-89ab-4cde-8f01-23456789abcd'

const INPUTS: readonly [string, object][] = [
  ['DescribeKey', {}],
  ['Encrypt', { Plaintext: 'AAAA' }],
  ['GenerateDataKey', { KeySpec: 'AES_256' }],
  ['GenerateDataKeyWithoutPlaintext', { KeySpec: 'AES_256' }],
  ['GenerateDataKeyPair', { KeyPairSpec: 'ECC_NIST_P256' }],
]

describe.each(INPUTS)('%s', (operation, input) => {
  it.each([
    ['its ID', () => id],
    ['its ARN', () => `${here}:key/${id}`],
    ['the name of an alias', () => 'alias/one'],
    ['the ARN of an alias', () => `${here}:alias/one`],
  ])('takes a key by %s', async (_, keyId) => {
    await call(operation, { ...input, KeyId: keyId() }, ctx)
  })
})

describe('refuses', () => {
  const encrypt = (KeyId: string, change: object = {}) =>
    call('Encrypt', { KeyId, Plaintext: 'AAAA' }, { ...ctx, ...change })

  it.each([
    ['an ID that is none', 'one', 'Invalid keyId one'],
    ['an ID in capitals', ABSENT.toUpperCase(), 'Invalid keyId'],
    ['a key that is not there', ABSENT, `Key '${here}:key/${ABSENT}' does not exist`],
    ['its ARN', `${here}:key/${ABSENT}`, `Key '${here}:key/${ABSENT}' does not exist`],
    ['an alias that is not there', 'alias/two', `Alias ${here}:alias/two is not found.`],
    ['its ARN, too', `${here}:alias/two`, `Alias ${here}:alias/two is not found.`],
    ["a member of every object's", 'alias/__proto__', 'is not found.'],
    ['another region', `arn:aws:kms:eu-west-1:${ACCOUNT}:key/${ABSENT}`, 'Invalid arn eu-west-1'],
    ['another partition', `arn:aws-cn:kms:us-east-1:${ACCOUNT}:key/${ABSENT}`, 'Invalid arn us-east-1'],
    ['an ARN of something else', 'arn:aws:s3:::bucket', 'Invalid arn arn:aws:s3:::bucket'],
  ])('%s', async (_, keyId, message) => {
    await expect(encrypt(keyId)).rejects.toEqual(refused('NotFoundException', message))
  })

  it.each(['key', 'alias'])('a %s of another account, like one that is not there', async (kind) => {
    const arn = `arn:aws:kms:us-east-1:${OTHER}:${kind}/${ABSENT}`
    await expect(encrypt(arn)).rejects.toEqual(
      refused('AccessDeniedException', 'kms:Encrypt on this resource because the resource does not exist'),
    )
  })

  it('an ID without its account from a caller of another account', async () => {
    const stranger = { principal: principal(undefined, `arn:aws:iam::${OTHER}:user/somebody`) }
    await expect(encrypt(id, stranger)).rejects.toEqual(refused('NotFoundException', `:${OTHER}:key/${id}`))
    await expect(encrypt('alias/one', stranger)).rejects.toEqual(
      refused('NotFoundException', `:${OTHER}:alias/one`),
    )
    await expect(encrypt(`${here}:key/${id}`, stranger)).rejects.toEqual(refused('AccessDeniedException'))
  })

  it('an ARN that is none by InvalidArnException, where the operation has it', async () => {
    const input = { KeyId: 'arn:aws:kms:us-east-1:key' }
    await expect(call('DescribeKey', input, ctx)).rejects.toEqual(refused('InvalidArnException'))
  })

  it('a KeyId that is empty or too long', async () => {
    await expect(encrypt('')).rejects.toEqual(refused('ValidationException', "'keyId'"))
    await expect(encrypt('x'.repeat(2049))).rejects.toEqual(refused('ValidationException', "'keyId'"))
  })
})
