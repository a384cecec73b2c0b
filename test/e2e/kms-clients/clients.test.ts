/**
 * The simulated KMS asked by programs that nobody here wrote: AWS's own command line and Python SDK, and curl for what
 * those know nothing of. Answers are checked by node:crypto and OpenSSL.
 */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
} from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../../simulator/kms/operations.js'
import { cli, temporaryFolder } from '../../support/cli.js'
import { endKms, type KmsProcess, spawnKms } from '../../support/kms-process.js'
import { openssl } from '../../support/openssl.js'
import { suiteWith } from '../../support/requirement.js'
import { aws, boto3, curl, present } from './programs.js'

type Json = Readonly<Record<string, string>>

/** What is further looked at of the answers to boto3. */
interface Told {
  readonly created: Json
  readonly dataKey: readonly string[]
  readonly pair: Json
  readonly asymmetric: Json
}

const missing = Object.entries(present).flatMap(([name, there]) => (there ? [] : [name]))
const bytes = (base64: string | undefined): Buffer => Buffer.from(base64 ?? '', 'base64')

suiteWith(missing.length === 0, missing.join(', '), 'the simulated KMS and programs of others', () => {
  let [folder, home] = ['', '']
  let kms: KmsProcess

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nitro-enclave-test-'))
    home = mkdtempSync(join(tmpdir(), 'nitro-enclave-home-'))
    kms = await spawnKms(['--state', folder])
  })
  afterAll(async () => {
    await endKms(kms)
    for (const one of [folder, home]) rmSync(one, { recursive: true, force: true })
  })

  const file = (name: string, content: Uint8Array | string): string => {
    const path = join(home, name)
    writeFileSync(path, content)
    return path
  }
  const ask = (operation: string, input: object) => curl(kms.ready, home, operation, input) as Promise<Json>

  it("AWS's command line makes a key, and opens what it has sealed", async () => {
    const run = (...args: readonly string[]) => aws(kms.ready, home, ...args) as Promise<Json>
    const { KeyMetadata } = (await run('create-key', '--description', 'of awscli')) as unknown as {
      KeyMetadata: Json
    }
    expect(KeyMetadata.Description).toBe('of awscli')
    expect(
      await run('create-alias', '--alias-name', 'alias/awscli', '--target-key-id', KeyMetadata.Arn ?? ''),
    ).toBe(undefined)
    const plaintext = `fileb://${file('plaintext', 'of awscli')}`
    const context = ['--encryption-context', 'purpose=test']
    const sealed = await run('encrypt', '--key-id', 'alias/awscli', '--plaintext', plaintext, ...context)
    expect(sealed.KeyId).toBe(KeyMetadata.Arn)
    const blob = `fileb://${file('sealed', bytes(sealed.CiphertextBlob))}`
    expect(bytes((await run('decrypt', '--ciphertext-blob', blob, ...context)).Plaintext).toString()).toBe(
      'of awscli',
    )
    await expect(run('decrypt', '--ciphertext-blob', blob)).rejects.toThrow(/\(InvalidCiphertextException\)/)
  }, 60_000)

  it("AWS's command line speaks without TLS, too", async () => {
    const plain = await spawnKms(['--http'])
    try {
      const answer = (await aws(plain.ready, home, 'generate-random', '--number-of-bytes', '48')) as Json
      expect(bytes(answer.Plaintext)).toHaveLength(48)
    } finally {
      await endKms(plain)
    }
  }, 60_000)

  it('boto3 does all that it knows', async () => {
    const told = (await boto3(kms.ready, home)) as Told
    const { Arn: arn } = told.created
    expect(told).toMatchObject({
      created: {
        Arn: expect.stringMatching(/^arn:aws:kms:us-east-1:123456789012:key\/[0-9a-f-]{36}$/),
        CreationDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        Description: 'of boto3',
        Enabled: true,
      },
      opened: Buffer.from('of boto3').toString('base64'),
      bare: 17,
      random: 1024,
      keys: expect.arrayContaining([arn]),
      aliases: ['alias/boto3'],
      state: ['Disabled', 'Enabled'],
      refusals: {
        otherContext: 'InvalidCiphertextException',
        disabled: 'DisabledException',
        denied: 'AccessDeniedException',
        unknownKey: 'NotFoundException',
        tooMuch: 'ValidationException',
        notHere: 'UnknownOperationException',
      },
    })
    const [dataKey, again] = told.dataKey
    expect(bytes(dataKey)).toHaveLength(32)
    expect(again).toBe(dataKey)
    const pair = told.pair
    expect(pair.opened).toBe(pair.private)
    const privateKey = createPrivateKey({ key: bytes(pair.private), format: 'der', type: 'pkcs8' })
    const publicKey = createPublicKey({ key: bytes(pair.public), format: 'der', type: 'spki' })
    const message = Buffer.from('signed')
    expect(verify('sha256', message, publicKey, sign('sha256', message, privateKey))).toBe(true)

    const asymmetric = told.asymmetric
    const key = createPublicKey({ key: bytes(asymmetric.public), format: 'der', type: 'spki' })
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    const sealed = publicEncrypt({ key, ...padding }, Buffer.from('by node'))
    const answer = await ask('Decrypt', {
      KeyId: asymmetric.id,
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      CiphertextBlob: sealed.toString('base64'),
    })
    expect(bytes(answer.Plaintext).toString()).toBe('by node')
  }, 60_000)

  describe('curl', () => {
    const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const peerKey = peer.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
    let agreement: Json

    beforeAll(async () => {
      const created = await ask('CreateKey', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
      agreement = (created as unknown as { KeyMetadata: Json }).KeyMetadata
    })

    const derive = { KeyAgreementAlgorithm: 'ECDH', PublicKey: peerKey }
    /** What the other side computes. */
    const shared = async (): Promise<Buffer> => {
      const { PublicKey } = await ask('GetPublicKey', { KeyId: agreement.Arn })
      const publicKey = createPublicKey({ key: bytes(PublicKey), format: 'der', type: 'spki' })
      return diffieHellman({ privateKey: peer.privateKey, publicKey })
    }

    it('agrees on a secret with a key of KMS', async () => {
      const { SharedSecret } = await ask('DeriveSharedSecret', { KeyId: agreement.Arn, ...derive })
      expect(bytes(SharedSecret)).toEqual(await shared())
    })

    it('is refused with the words of KMS', async () => {
      expect(await ask('Decrypt', { CiphertextBlob: 'AA==' })).toMatchObject({
        __type: 'InvalidCiphertextException',
      })
      expect(await ask('Sign', {})).toEqual({
        __type: 'UnknownOperationException',
        message: 'The simulated KMS does not have the operation Sign',
      })
    })

    describe('with an attestation document of the same folder', () => {
      const recipient = generateKeyPairSync('rsa', { modulusLength: 2048 })
      let Recipient: object

      beforeAll(async () => {
        const key = file('recipient.pem', recipient.publicKey.export({ format: 'pem', type: 'spki' }))
        const document = join(home, 'document')
        const made = ['nsm', '--simulator', folder, 'attest', '--public-key', key, '--output', document]
        const { code, stderr } = await cli(made)
        expect([code, stderr]).toEqual([0, ''])
        Recipient = {
          AttestationDocument: readFileSync(document).toString('base64'),
          KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        }
      })

      /** By OpenSSL, which has the recipient's private key. */
      const opened = (answer: Json): Buffer => {
        expect(answer).toHaveProperty('CiphertextForRecipient')
        const decrypt = [
          'cms',
          '-decrypt',
          '-inform',
          'DER',
          '-binary',
          '-inkey',
          '{key}',
          '-in',
          '{envelope}',
        ]
        return openssl.run(decrypt, {
          key: recipient.privateKey.export({ format: 'pem', type: 'pkcs8' }),
          envelope: bytes(answer.CiphertextForRecipient),
        })
      }

      it('gets random bytes', async () => {
        const answer = await ask('GenerateRandom', { NumberOfBytes: 100, Recipient })
        expect(answer.Plaintext ?? '').toBe('')
        expect(opened(answer)).toHaveLength(100)
      })

      it('gets a secret of DeriveSharedSecret', async () => {
        const answer = await ask('DeriveSharedSecret', { KeyId: agreement.Arn, ...derive, Recipient })
        expect(answer.SharedSecret ?? '').toBe('')
        expect(opened(answer)).toEqual(await shared())
      })

      it('gets data keys and what was sealed with them', async () => {
        const { KeyMetadata } = (await ask('CreateKey', {})) as unknown as { KeyMetadata: Json }
        const KeyId = KeyMetadata.Arn
        const dataKey = await ask('GenerateDataKey', { KeyId, KeySpec: 'AES_256', Recipient })
        expect(dataKey.Plaintext ?? '').toBe('')
        const { CiphertextBlob } = dataKey
        const decrypted = await ask('Decrypt', { CiphertextBlob, Recipient })
        expect(decrypted.Plaintext ?? '').toBe('')
        expect(opened(decrypted)).toEqual(opened(dataKey))
        expect(bytes((await ask('Decrypt', { CiphertextBlob })).Plaintext)).toEqual(opened(dataKey))
      })

      it('gets a pair of data keys', async () => {
        const { KeyMetadata } = (await ask('CreateKey', {})) as unknown as { KeyMetadata: Json }
        const input = { KeyId: KeyMetadata.Arn, KeyPairSpec: 'RSA_2048', Recipient }
        const pair = await ask('GenerateDataKeyPair', input)
        expect(pair.PrivateKeyPlaintext ?? '').toBe('')
        const privateKey = createPrivateKey({ key: opened(pair), format: 'der', type: 'pkcs8' })
        const publicKey = createPublicKey({ key: bytes(pair.PublicKey), format: 'der', type: 'spki' })
        expect(privateDecrypt(privateKey, publicEncrypt(publicKey, Buffer.from('x'))).toString()).toBe('x')
      })

      it('of another folder is refused', async () => {
        const key = join(home, 'recipient.pem')
        const other = temporaryFolder()
        const document = join(home, 'other')
        await cli(['nsm', '--simulator', other, 'attest', '--public-key', key, '--output', document])
        const foreign = { ...Recipient, AttestationDocument: readFileSync(document).toString('base64') }
        expect(await ask('GenerateRandom', { NumberOfBytes: 1, Recipient: foreign })).toMatchObject({
          __type: 'ValidationException',
          message: expect.stringContaining('ERR_CERTIFICATE_UNTRUSTED_ROOT'),
        })
      })
    })
  })

  it('between them they called every operation, and each was answered', () => {
    const answered = kms.log
      .split('\n')
      .flatMap((line) => (/ OK [0-9a-f-]{36}$/.test(line) ? [line.split(' ')[1]] : []))
    expect([...new Set(answered)].sort()).toEqual([...OPERATIONS.keys()].sort())
  })
})
