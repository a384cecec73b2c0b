/** The five attested operations against the simulated KMS, over TLS, as an enclave calls them. */
import { constants, createECDH, createPublicKey, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import net from 'node:net'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  type KeySpec,
} from '@aws-sdk/client-kms'
import { beforeAll, describe, expect, it } from 'vitest'
import { createRecipient, type Recipient } from '../../../enclave/kms/recipient.js'
import { rotatingRecipient } from '../../../enclave/kms/rotating-recipient.js'
import { createAccount } from '../../../simulator/kms/account.js'
import type { Misbehaviour } from '../../../simulator/kms/operations.js'
import { parsePolicy } from '../../../simulator/kms/policy/policy-document.js'
import type { Principal } from '../../../simulator/kms/policy/principal.js'
import { enclaveClient, identity, type KmsClient, nsm, startLoopbackKms } from '../../support/loopback-kms.js'

const ENCLAVE = { accessKeyId: 'AKIDENCLAVE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const STRANGER = { accessKeyId: 'AKIDSTRANGER', secretAccessKey: 'K7MDENG+bPxRfiCYEXAMPLEKEY/wJalrXUtnFEMI' }
const OWNER = { accessKeyId: 'AKIDOWNER', secretAccessKey: 'bPxRfiCYEXAMPLEKEY+wJalrXUtnFEMI/K7MDENG' }

const allow = (more: object) =>
  parsePolicy({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...more }] })
/** May use every attested operation, from an enclave with this PCR0. */
const role = (credentials: typeof ENCLAVE, pcr0: string): Principal => ({
  credentials,
  arn: 'arn:aws:sts::123456789012:assumed-role/enclave/i-1',
  policy: allow({
    Action: ['GenerateRandom', 'Decrypt', 'GenerateDataKey', 'GenerateDataKeyPair', 'DeriveSharedSecret'].map(
      (name) => `kms:${name}`,
    ),
    Resource: '*',
    Condition: { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:PCR0': pcr0 } },
  }),
})
const PRINCIPALS: readonly Principal[] = [
  role(ENCLAVE, Buffer.from(identity.pcrs.get(0) ?? []).toString('hex')),
  role(STRANGER, '01'.repeat(48)),
  {
    credentials: OWNER,
    arn: 'arn:aws:iam::123456789012:user/owner',
    policy: allow({ Action: 'kms:*', Resource: '*' }),
  },
]

let misbehaviour: Misbehaviour | undefined
const account = createAccount({ region: 'us-east-1' })

let recipient: Recipient
beforeAll(async () => {
  recipient = await createRecipient({ nsm })
})

async function scene(options: Partial<Parameters<typeof enclaveClient>[0]> = {}) {
  const kms = await startLoopbackKms({ account, faults: () => misbehaviour, principals: () => PRINCIPALS })
  const port = Number(kms.to.split(':')[1])
  const dial = () => net.connect(port, '127.0.0.1')
  const owner = enclaveClient({ dial, credentials: OWNER, recipient: undefined })
  const enclave = enclaveClient({ dial, credentials: ENCLAVE, recipient, requestTimeout: 60_000, ...options })
  return { owner, enclave }
}

async function makeKey(owner: KmsClient, KeySpec: KeySpec, KeyUsage?: 'ENCRYPT_DECRYPT' | 'KEY_AGREEMENT') {
  const { KeyMetadata } = await owner.send(new CreateKeyCommand({ KeySpec, KeyUsage }))
  return String(KeyMetadata?.Arn)
}

const secret = Buffer.from('what only the enclave may know')

describe('GenerateRandom', () => {
  it("gives bytes, mixed with the module's when asked to", async () => {
    for (const mix of [undefined, 'nsm'] as const) {
      const { enclave } = await scene({ mix })
      const { Plaintext } = await enclave.send(new GenerateRandomCommand({ NumberOfBytes: 1024 }))
      expect(Plaintext).toHaveLength(1024)
      expect(new Set(Plaintext).size).toBeGreaterThan(200)
    }
  })
})

describe('Decrypt', () => {
  it('opens what was encrypted in the same context, and nothing else', async () => {
    const { owner, enclave } = await scene({ requireKeyArn: true })
    const KeyId = await makeKey(owner, 'SYMMETRIC_DEFAULT')
    const EncryptionContext = { name: 'wallet' }
    const { CiphertextBlob } = await owner.send(
      new EncryptCommand({ KeyId, Plaintext: secret, EncryptionContext }),
    )
    const { Plaintext } = await enclave.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }))
    expect(Buffer.from(Plaintext ?? [])).toEqual(secret)
    const swapped = enclave.send(
      new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext: { name: 'other' } }),
    )
    await expect(swapped).rejects.toMatchObject({ name: 'InvalidCiphertextException' })
  })
  it('with an RSA key', async () => {
    const { owner, enclave } = await scene()
    const KeyId = await makeKey(owner, 'RSA_2048', 'ENCRYPT_DECRYPT')
    const { PublicKey } = await owner.send(new GetPublicKeyCommand({ KeyId }))
    const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
    for (const [EncryptionAlgorithm, oaepHash] of [
      ['RSAES_OAEP_SHA_256', 'sha256'],
      ['RSAES_OAEP_SHA_1', 'sha1'],
    ] as const) {
      const CiphertextBlob = publicEncrypt(
        { key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING },
        secret,
      )
      const command = new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm })
      expect(Buffer.from((await enclave.send(command)).Plaintext ?? [])).toEqual(secret)
    }
  })
  it('by an alias: of the key behind it', async () => {
    const { owner, enclave } = await scene()
    const KeyId = await makeKey(owner, 'SYMMETRIC_DEFAULT')
    await owner.send(new CreateAliasCommand({ AliasName: 'alias/wallet', TargetKeyId: KeyId }))
    const { CiphertextBlob } = await owner.send(new EncryptCommand({ KeyId, Plaintext: secret }))
    const answer = await enclave.send(new DecryptCommand({ KeyId: 'alias/wallet', CiphertextBlob }))
    expect(answer.KeyId).toBe(KeyId)
    const strict = (await scene({ requireKeyArn: true })).enclave
    await expect(
      strict.send(new DecryptCommand({ KeyId: 'alias/wallet', CiphertextBlob })),
    ).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('GenerateDataKey', () => {
  it.each([{ KeySpec: 'AES_256' }, { KeySpec: 'AES_128' }, { NumberOfBytes: 1024 }] as const)(
    'of %j, and Decrypt gives it again',
    async (size) => {
      const { owner, enclave } = await scene()
      const KeyId = await makeKey(owner, 'SYMMETRIC_DEFAULT')
      const { Plaintext, CiphertextBlob } = await enclave.send(new GenerateDataKeyCommand({ KeyId, ...size }))
      const again = await enclave.send(new DecryptCommand({ KeyId, CiphertextBlob }))
      expect(again.Plaintext).toEqual(Plaintext)
    },
  )
})

describe('GenerateDataKeyPair', () => {
  it.each(['RSA_2048', 'ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'] as const)(
    'of %s, and Decrypt gives the private key again',
    async (KeyPairSpec) => {
      const { owner, enclave } = await scene()
      const KeyId = await makeKey(owner, 'SYMMETRIC_DEFAULT')
      const pair = await enclave.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec }))
      expect(pair.PrivateKeyPlaintext?.length).toBeGreaterThan(100)
      const again = await enclave.send(
        new DecryptCommand({ KeyId, CiphertextBlob: pair.PrivateKeyCiphertextBlob }),
      )
      expect(again.Plaintext).toEqual(pair.PrivateKeyPlaintext)
    },
  )
})

describe('DeriveSharedSecret', () => {
  it.each([
    ['ECC_NIST_P256', 'prime256v1'],
    ['ECC_NIST_P384', 'secp384r1'],
    ['ECC_NIST_P521', 'secp521r1'],
  ] as const)('on %s: what the peer computes', async (KeySpec, curve) => {
    const { owner, enclave } = await scene()
    const KeyId = await makeKey(owner, KeySpec, 'KEY_AGREEMENT')
    const { PublicKey: theirs = new Uint8Array() } = await owner.send(new GetPublicKeyCommand({ KeyId }))
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve })
    const PublicKey = publicKey.export({ type: 'spki', format: 'der' })
    const { SharedSecret } = await enclave.send(
      new DeriveSharedSecretCommand({ KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' }),
    )
    const peer = createECDH(curve)
    peer.setPrivateKey(Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url'))
    const point = theirs.subarray(theirs.length - peer.getPublicKey().length)
    expect(SharedSecret).toEqual(new Uint8Array(peer.computeSecret(point)))
  })
})

describe('what goes wrong', () => {
  it.each([
    ['ignoreRecipient', 'ERR_KMS_IGNORED_RECIPIENT'],
    ['wrongRecipient', 'ERR_ENVELOPE'],
    ['truncatedEnvelope', 'ERR_ENVELOPE'],
  ] as const)('%s: %s, for each operation', async (fault, code) => {
    const { owner, enclave } = await scene()
    const KeyId = await makeKey(owner, 'SYMMETRIC_DEFAULT')
    const agreement = await makeKey(owner, 'ECC_NIST_P256', 'KEY_AGREEMENT')
    const { PublicKey } = await owner.send(new GetPublicKeyCommand({ KeyId: agreement }))
    const { CiphertextBlob } = await owner.send(new EncryptCommand({ KeyId, Plaintext: secret }))
    const commands = [
      new GenerateRandomCommand({ NumberOfBytes: 32 }),
      new DecryptCommand({ KeyId, CiphertextBlob }),
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }),
      new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }),
      new DeriveSharedSecretCommand({ KeyId: agreement, PublicKey, KeyAgreementAlgorithm: 'ECDH' }),
    ] as DecryptCommand[]
    misbehaviour = fault
    try {
      for (const command of commands) {
        await expect(enclave.send(command), command.constructor.name).rejects.toMatchObject({ code })
      }
    } finally {
      misbehaviour = undefined
    }
  })
  it('another image than the policy wants: refused', async () => {
    const { owner, enclave } = await scene({ credentials: STRANGER })
    const KeyId = await makeKey(owner, 'SYMMETRIC_DEFAULT')
    const { CiphertextBlob } = await owner.send(new EncryptCommand({ KeyId, Plaintext: secret }))
    const call = enclave.send(new DecryptCommand({ KeyId, CiphertextBlob }))
    await expect(call).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })
})

describe('rotation', () => {
  it('while many calls are under way: each is answered', async () => {
    const { enclave } = await scene({ recipient: await rotatingRecipient({ nsm, maxCalls: 10 }) })
    const calls = Array.from({ length: 25 }, () =>
      enclave.send(new GenerateRandomCommand({ NumberOfBytes: 32 })),
    )
    const given = (await Promise.all(calls)).map(({ Plaintext }) =>
      Buffer.from(Plaintext ?? []).toString('hex'),
    )
    expect(new Set(given).size).toBe(25)
  })
})
