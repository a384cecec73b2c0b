import { beforeEach, expect, it, vi } from 'vitest'
import { sealEnvelopedData } from '../../../simulator/kms/enveloped-data.js'
import { generateRandom } from '../../../simulator/kms/operations.js'
import { parsePolicy } from '../../../simulator/kms/policy-document.js'
import { ARN, openSealed, rsaKey } from './support.js'

const made = vi.hoisted(() => [] as Buffer[])

vi.mock('node:crypto', async (original) => {
  const actual = await original<typeof import('node:crypto')>()
  const randomBytes = (size: number) => {
    const bytes = actual.randomBytes(size)
    made.push(bytes)
    return bytes
  }
  return { ...actual, randomBytes }
})

const key = rsaKey()
const zero = (size: number) => Buffer.alloc(size)
beforeEach(() => {
  made.length = 0
})

it('zeroes the content key, and leaves the plaintext to its owner', async () => {
  const plaintext = Buffer.from('plaintext')
  const opened = await openSealed(sealEnvelopedData(plaintext, key.spki), key)
  expect(Buffer.from(opened ?? [])).toEqual(plaintext)
  const [contentKey, iv] = made
  expect(contentKey).toEqual(zero(32))
  expect(iv).not.toEqual(zero(16))
})

it('zeroes the content key when the sealing fails', () => {
  expect(() => sealEnvelopedData(Buffer.from('x'), Buffer.from('no key'))).toThrow()
  expect(made[0]).toEqual(zero(32))
})

it('zeroes the random bytes once they are sealed', async () => {
  const verify = async () => ({ document: { pcrs: new Map(), publicKey: key.spki } })
  const policy = parsePolicy({ Statement: { Effect: 'Allow', Action: '*', Resource: '*' } })
  const Recipient = { AttestationDocument: 'AAAA', KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }
  await generateRandom(
    { NumberOfBytes: 100, Recipient },
    { verify, policy, callerArn: ARN, keyStores: new Map() },
  )
  expect(made[0]).toEqual(zero(100))
})
