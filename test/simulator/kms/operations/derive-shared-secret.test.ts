import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
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

const SPKI = { type: 'spki', format: 'der' } as const
const ctx = context()
const CURVES = { ECC_NIST_P256: 'P-256', ECC_NIST_P384: 'P-384', ECC_NIST_P521: 'P-521' }
const keys: Record<string, string> = {}
beforeAll(async () => {
  for (const KeySpec of Object.keys(CURVES)) {
    keys[KeySpec] = (await newKey(ctx, { KeySpec, KeyUsage: 'KEY_AGREEMENT' })).Arn
  }
})

const peer = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve })
const derive = (input: object, change: object = {}) => {
  const preset = { KeyId: keys.ECC_NIST_P256, KeyAgreementAlgorithm: 'ECDH' }
  return call('DeriveSharedSecret', { ...preset, ...input }, { ...ctx, ...change })
}

describe.each([
  ['ECC_NIST_P256', 'P-256', 32],
  ['ECC_NIST_P384', 'P-384', 48],
  ['ECC_NIST_P521', 'P-521', 66],
])('a key of %s', (spec, curve, length) => {
  it('agrees with the other side', async () => {
    const { publicKey, privateKey } = peer(curve)
    const KeyId = keys[spec]
    const PublicKey = base64(publicKey.export(SPKI))
    const own = createPublicKey({
      key: bytes((await call('GetPublicKey', { KeyId }, ctx)).PublicKey),
      ...SPKI,
    })
    const secret = diffieHellman({ privateKey, publicKey: own })
    expect(secret.length).toBe(length)
    expect(await derive({ KeyId, PublicKey })).toEqual({
      KeyId,
      SharedSecret: base64(secret),
      KeyAgreementAlgorithm: 'ECDH',
      KeyOrigin: 'AWS_KMS',
    })
    const answer = await derive({ KeyId, PublicKey, Recipient })
    expect(answer).not.toHaveProperty('SharedSecret')
    expect(await opened(answer)).toEqual(secret)
  })

  it('takes no public key of another kind', async () => {
    const others = Object.values(CURVES).filter((one) => one !== curve)
    const spki = [
      ...others.map((one) => peer(one).publicKey.export(SPKI)),
      peer('secp256k1').publicKey.export(SPKI),
      generateKeyPairSync('x25519').publicKey.export(SPKI),
      Buffer.concat([peer(curve).publicKey.export(SPKI), Buffer.of(0)]),
      peer(curve).publicKey.export(SPKI).subarray(0, -1),
      Buffer.from('-----BEGIN PUBLIC KEY-----'),
    ]
    for (const each of spki) {
      await expect(derive({ KeyId: keys[spec], PublicKey: base64(each) })).rejects.toEqual(
        refused('ValidationException', `of the curve of ${spec}`),
      )
    }
  })
})

it('refuses a point that is not on the curve', async () => {
  const spki = peer().publicKey.export(SPKI)
  spki.writeUInt8(spki.readUInt8(spki.length - 1) ^ 1, spki.length - 1)
  await expect(derive({ PublicKey: base64(spki) })).rejects.toEqual(
    refused('ValidationException', 'PublicKey'),
  )
})

it.each([
  ['no public key', {}, constraint('null ', 'publicKey', 'not be null')],
  [
    'a long one',
    { PublicKey: base64(Buffer.alloc(8193)) },
    constraint('', 'publicKey', 'have length less than or equal to 8192'),
  ],
  [
    'another algorithm',
    { KeyAgreementAlgorithm: 'DH', PublicKey: 'AAAA' },
    constraint("'DH' ", 'keyAgreementAlgorithm', 'satisfy enum value set: [ECDH]'),
  ],
])('refuses %s', async (_, input, message) => {
  await expect(derive(input)).rejects.toEqual(refused('ValidationException', message))
})

it('refuses a key that encrypts', async () => {
  const { Arn } = await newKey(ctx)
  await expect(derive({ KeyId: Arn, PublicKey: base64(peer().publicKey.export(SPKI)) })).rejects.toEqual(
    refused(
      'InvalidKeyUsageException',
      `${Arn} key usage is ENCRYPT_DECRYPT which is not valid for DeriveSharedSecret.`,
    ),
  )
})

it('asks access before state, and both before a dry run', async () => {
  const own = context()
  const { Arn } = await newKey(own, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
  const input = { KeyId: Arn, PublicKey: base64(peer().publicKey.export(SPKI)), DryRun: true }
  await expect(derive(input, own)).rejects.toEqual(refused('DryRunOperationException'))
  await call('DisableKey', { KeyId: Arn }, own)
  await expect(derive(input, own)).rejects.toEqual(refused('DisabledException'))
  const only = parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' } })
  await expect(derive(input, { ...own, principal: principal(only) })).rejects.toEqual(
    refused('AccessDeniedException', 'kms:DeriveSharedSecret on resource'),
  )
})
