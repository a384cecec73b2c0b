import { generateKeyPairSync } from 'node:crypto'
import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  ListKeysCommand,
  ReEncryptCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, it, vi } from 'vitest'
import { checkAnsweringKey, requireFullArns } from '../../../enclave/kms/key-id.js'
import { createRecipient } from '../../../enclave/kms/recipient.js'
import { KEY_ARN, OTHER_ARN, sealedTo, stubClient, stubNsm } from './stub-kms.js'

const KEY_ID = KEY_ARN.slice(KEY_ARN.indexOf('/') + 1)
const ALIAS_ARN = 'arn:aws:kms:eu-central-1:111122223333:alias/wallet'

describe('the key that answers', () => {
  const check = (asked: unknown, answered: unknown) => () => checkAnsweringKey('Decrypt', asked, answered)
  it.each([
    ['its ARN', KEY_ARN, KEY_ARN],
    ['its id', KEY_ID, KEY_ARN],
    ['a multi-Region id', 'mrk-1234abcd', 'arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd'],
    ['an alias', 'alias/wallet', OTHER_ARN],
    ['an alias of AWS', 'alias/aws/s3', OTHER_ARN],
    ['an alias ARN of its account', ALIAS_ARN, KEY_ARN],
    ['nothing', undefined, OTHER_ARN],
    ['null, which is nothing', null, OTHER_ARN],
  ])('may be the one asked for by %s', (_, asked, answered) => {
    expect(check(asked, answered)).not.toThrow()
  })
  it.each([
    ['another ARN', KEY_ARN, OTHER_ARN],
    ['the same id in another account', KEY_ARN, KEY_ARN.replace('111122223333', '999999999999')],
    ['the same id in another Region', KEY_ARN, KEY_ARN.replace('eu-central-1', 'us-east-1')],
    ['a longer ARN', KEY_ARN, `${KEY_ARN}0`],
    ['no ARN', KEY_ARN, undefined],
    ['another id', KEY_ID, OTHER_ARN],
    ['an id that only ends like it', KEY_ID.slice(1), KEY_ARN],
    ['no ARN for an id', KEY_ID, undefined],
    ['an ARN that holds "alias/" elsewhere', `${KEY_ARN}/alias/x`, OTHER_ARN],
    ['an ARN that is no primitive string', Object(KEY_ARN), OTHER_ARN],
    ['an alias ARN of another account', ALIAS_ARN, OTHER_ARN],
    ['an alias ARN of another Region', ALIAS_ARN, KEY_ARN.replace('eu-central-1', 'us-east-1')],
    ['no ARN for an alias ARN', ALIAS_ARN, undefined],
    ['an ARN asked for with capitals', KEY_ARN.toUpperCase(), KEY_ARN],
  ])('is wrong: %s', (_, asked, answered) => {
    expect(check(asked, answered)).toThrow(expect.objectContaining({ code: 'ERR_KMS_KEY_MISMATCH' }))
  })
})

describe('a full ARN', () => {
  it.each([KEY_ARN, 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd'])('is %s', (keyId) => {
    expect(() => requireFullArns('Decrypt', { KeyId: keyId }, true)).not.toThrow()
  })
  it.each([
    undefined,
    null,
    '',
    KEY_ID,
    'alias/wallet',
    ALIAS_ARN,
    KEY_ARN.replace('111122223333', ''),
    KEY_ARN.replace(':kms:', ':s3:'),
    KEY_ARN.replace('eu-central-1', ''),
    `${KEY_ARN}/more`,
    `${KEY_ARN}\n`,
    ` ${KEY_ARN}`,
    'arn:aws:kms:eu-central-1:111122223333:key/',
    [KEY_ARN],
    Object(KEY_ARN),
  ])('is not %j', (keyId) => {
    expect(() => requireFullArns('Decrypt', { KeyId: keyId }, true)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining('requireKeyArn') }),
    )
  })
})

const recipient = await createRecipient({ nsm: stubNsm() })
const PublicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
  type: 'spki',
  format: 'der',
})
const commands = (KeyId: string | undefined) =>
  [
    new DecryptCommand({ KeyId, CiphertextBlob: Uint8Array.of(1) }),
    new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }),
    new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }),
    new DeriveSharedSecretCommand({ KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' }),
  ] as DecryptCommand[]

describe('an operation that is not attested', () => {
  const blob = Uint8Array.of(1)
  const strict = () => stubClient(recipient, () => ({}), { requireKeyArn: true })
  it.each([
    ['KeyId', new EncryptCommand({ KeyId: 'alias/wallet', Plaintext: blob })],
    ['KeyId', new GetPublicKeyCommand({ KeyId: KEY_ID })],
    [
      'DestinationKeyId',
      new ReEncryptCommand({ SourceKeyId: KEY_ARN, DestinationKeyId: ALIAS_ARN, CiphertextBlob: blob }),
    ],
    [
      'SourceKeyId',
      new ReEncryptCommand({ SourceKeyId: KEY_ID, DestinationKeyId: KEY_ARN, CiphertextBlob: blob }),
    ],
    ['TargetKeyId', new UpdateAliasCommand({ AliasName: 'alias/wallet', TargetKeyId: KEY_ID })],
  ])('is not sent where a full ARN is required: %s', async (member, command) => {
    const { client, sent } = strict()
    await expect(client.send(command as EncryptCommand)).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining(`${member} is not a key ARN`),
    })
    expect(sent).toEqual([])
  })
  it('is sent with full ARNs, and when it names no key', async () => {
    const { client, sent } = strict()
    await client.send(new EncryptCommand({ KeyId: KEY_ARN, Plaintext: blob }))
    await client.send(new ReEncryptCommand({ DestinationKeyId: KEY_ARN, CiphertextBlob: blob }))
    await client.send(new ListKeysCommand({}))
    expect(sent).toHaveLength(3)
  })
})

describe('each operation with a key', () => {
  it("refuses another key's answer, and opens nothing of it", async () => {
    const open = vi.spyOn(recipient, 'open')
    for (const command of commands(KEY_ARN)) {
      const { client } = stubClient(recipient, async (body) => ({
        KeyId: OTHER_ARN,
        CiphertextForRecipient: await sealedTo(body, new Uint8Array(32)),
      }))
      await expect(client.send(command), command.constructor.name).rejects.toMatchObject({
        name: 'OperationError',
        code: 'ERR_KMS_KEY_MISMATCH',
      })
    }
    expect(open).not.toHaveBeenCalled()
  })
  it('sends nothing without a full ARN where one is required', async () => {
    for (const KeyId of ['alias/wallet', KEY_ID, undefined]) {
      for (const command of commands(KeyId)) {
        const { client, sent } = stubClient(recipient, () => ({}), { requireKeyArn: true })
        await expect(client.send(command)).rejects.toMatchObject({ code: 'ERR_USAGE' })
        expect(sent).toEqual([])
      }
    }
  })
  it('is sent with a full ARN where one is required, and GenerateRandom, which has no key', async () => {
    const { client } = stubClient(
      recipient,
      async (body) => ({ KeyId: KEY_ARN, CiphertextForRecipient: await sealedTo(body, new Uint8Array(32)) }),
      { requireKeyArn: true },
    )
    const key = await client.send(new GenerateDataKeyCommand({ KeyId: KEY_ARN, KeySpec: 'AES_256' }))
    expect(key.Plaintext).toHaveLength(32)
    const { Plaintext } = await client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
    expect(Plaintext).toHaveLength(32)
  })
  it('takes whatever key answers for an alias', async () => {
    const { client } = stubClient(recipient, async (body) => ({
      KeyId: OTHER_ARN,
      CiphertextForRecipient: await sealedTo(body, new Uint8Array(32)),
    }))
    const { KeyId } = await client.send(
      new GenerateDataKeyCommand({ KeyId: 'alias/wallet', KeySpec: 'AES_256' }),
    )
    expect(KeyId).toBe(OTHER_ARN)
  })
})
