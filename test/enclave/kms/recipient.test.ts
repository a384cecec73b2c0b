import { createPublicKey, webcrypto } from 'node:crypto'
import { inspect } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { createRecipient, type Recipient } from '../../../enclave/kms/recipient.js'
import type { Nsm, NsmRequest, NsmResponseTo } from '../../../enclave/nsm/requests.js'
import { stubNsm } from './stub-kms.js'
import { seal } from './support.js'

type Attestation = Extract<NsmRequest, { type: 'Attestation' }>

/** Answers with `document`, and remembers what it was asked. */
function recordingNsm(document: unknown = Uint8Array.of(1)): Nsm & { readonly asked: Attestation[] } {
  const asked: Attestation[] = []
  return {
    asked,
    async request<R extends NsmRequest>(request: R): Promise<NsmResponseTo<R>> {
      if (request.type !== 'Attestation') throw new Error('unexpected request')
      asked.push(request)
      return { type: 'Attestation', document } as unknown as NsmResponseTo<R>
    },
    close: () => undefined,
  }
}

const nsm = recordingNsm()
let recipient: Recipient
beforeAll(async () => {
  recipient = await createRecipient({ nsm })
})

async function publicKeyOf(from: Recipient): Promise<webcrypto.CryptoKey> {
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' }
  return webcrypto.subtle.importKey('spki', from.publicKey, algorithm, true, ['encrypt'])
}

describe('createRecipient', () => {
  it('asks for an NSM', async () => {
    await expect(createRecipient({} as never)).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('the key', () => {
  it.each([2048, 3072, 4096] as const)('has %d bits, exponent 65537, and opens', async (modulusLength) => {
    const made = await createRecipient({ nsm, modulusLength })
    const key = createPublicKey({ key: Buffer.from(made.publicKey), format: 'der', type: 'spki' })
    expect(key.asymmetricKeyDetails).toEqual({ modulusLength, publicExponent: 65537n })
    expect(made.publicKey.length).toBeLessThanOrEqual(1024)
    const blob = await seal(Uint8Array.of(1, 2, 3), await publicKeyOf(made))
    expect([...(await made.open(blob, { length: 3 }))]).toEqual([1, 2, 3])
  })
  it('has 2048 bits by default', () => {
    const key = createPublicKey({ key: Buffer.from(recipient.publicKey), format: 'der', type: 'spki' })
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2048)
  })
  it('refuses other sizes', async () => {
    const call = createRecipient({ nsm, modulusLength: 1024 as 2048 })
    await expect(call).rejects.toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
  })
  it('is made anew for each recipient', async () => {
    expect((await createRecipient({ nsm })).publicKey).not.toEqual(recipient.publicKey)
  })
  it('shows nothing of its private half', () => {
    expect(JSON.stringify(recipient)).toBe('{}')
    expect(inspect(recipient, { showHidden: true, depth: 10 })).not.toMatch(/private|CryptoKey/i)
    expect(Reflect.ownKeys(recipient)).toEqual([])
  })
  it('is not extractable', async () => {
    const generate = webcrypto.subtle.generateKey
    const made: webcrypto.CryptoKeyPair[] = []
    webcrypto.subtle.generateKey = async (...args: unknown[]) => {
      const pair = await (generate as (...args: unknown[]) => Promise<unknown>).apply(webcrypto.subtle, args)
      made.push(pair as webcrypto.CryptoKeyPair)
      return pair as never
    }
    try {
      await createRecipient({ nsm })
    } finally {
      webcrypto.subtle.generateKey = generate
    }
    expect(made.map(({ privateKey }) => privateKey.extractable)).toEqual([false])
  })
})

describe('attest', () => {
  it('asks for a document over the public key, with a new nonce of 32 bytes each time', async () => {
    nsm.asked.length = 0
    for (let i = 0; i < 3; i++) expect([...(await recipient.attest())]).toEqual([1])
    for (const { publicKey, nonce, userData } of nsm.asked) {
      expect(publicKey).toEqual(recipient.publicKey)
      expect(nonce).toHaveLength(32)
      expect(userData).toBeUndefined()
    }
    expect(new Set(nsm.asked.map(({ nonce }) => Buffer.from(nonce ?? []).toString('hex'))).size).toBe(3)
  })
  it('attests its own key, whatever is done to the copy', async () => {
    nsm.asked.length = 0
    const before = recipient.publicKey
    recipient.publicKey.fill(0)
    await recipient.attest()
    expect(nsm.asked[0]?.publicKey).toEqual(before)
  })
  it('does not ask the module when aborted', async () => {
    nsm.asked.length = 0
    await expect(recipient.attest({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(nsm.asked).toEqual([])
  })
  it('ends at once when aborted, though the module is still at work', async () => {
    const busy = await createRecipient({ nsm: stubNsm(() => new Promise(() => undefined)) })
    const controller = new AbortController()
    const waiting = busy.attest({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: new Error('enough') })
  })
  it.each([
    ['empty', new Uint8Array(0)],
    ['over 16 KiB', new Uint8Array(16_385)],
    ['not bytes', 'document'],
    ['absent', undefined],
  ])('refuses a document that is %s', async (_, document) => {
    const { attest } = await createRecipientOver(document)
    await expect(attest()).rejects.toMatchObject({ code: 'ERR_NSM_INVALID_RESPONSE' })
  })
  it('takes 16 KiB', async () => {
    const { attest } = await createRecipientOver(new Uint8Array(16_384))
    expect(await attest()).toHaveLength(16_384)
  })
})

async function createRecipientOver(document: unknown): Promise<{ attest: () => Promise<Uint8Array> }> {
  const made = await createRecipient({
    nsm: {
      request: async () => ({ type: 'Attestation', document }) as never,
      close: () => undefined,
    },
  })
  return { attest: () => made.attest() }
}

describe('random', () => {
  it('is what the module gives, in any length', async () => {
    const made = await createRecipient({ nsm: stubNsm() })
    expect(await made.random(3)).toEqual(Uint8Array.of(0, 1, 2))
    expect(await made.random(300)).toHaveLength(300)
    expect(await made.random(0)).toEqual(new Uint8Array(0))
    await expect(made.random(-1)).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('open', () => {
  it('holds the plaintext to the length asked for', async () => {
    const blob = await seal(new Uint8Array(32), await publicKeyOf(recipient))
    expect(await recipient.open(blob)).toHaveLength(32)
    expect(await recipient.open(blob, { length: 32 })).toHaveLength(32)
    await expect(recipient.open(blob, { length: 31 })).rejects.toMatchObject({ code: 'ERR_ENVELOPE' })
  })
  it('holds the plaintext to what accepts it', async () => {
    const blob = await seal(new Uint8Array(32), await publicKeyOf(recipient))
    const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0)
    expect(await recipient.open(blob, { accept: isZero })).toEqual(new Uint8Array(32))
    const refused = recipient.open(blob, { accept: (bytes) => !isZero(bytes) })
    await expect(refused).rejects.toMatchObject({ code: 'ERR_ENVELOPE' })
  })
  it('opens nothing that is meant for another', async () => {
    const other = await createRecipient({ nsm })
    const blob = await seal(new Uint8Array(32), await publicKeyOf(other))
    await expect(recipient.open(blob)).rejects.toMatchObject({ code: 'ERR_ENVELOPE' })
  })
})
