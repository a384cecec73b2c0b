import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { GenerateDataKeyCommand, GenerateRandomCommand } from '@aws-sdk/client-kms'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { mix } from '../../../enclave/kms/mix.js'
import { createRecipient } from '../../../enclave/kms/recipient.js'
import { KEY_ARN, sealedTo, stubClient, stubNsm } from './stub-kms.js'

const LABEL = 'nitro-enclave-sdk GenerateRandom with NSM GetRandom'

const hmac = (key: Uint8Array, ...data: Uint8Array[]) =>
  data.reduce((mac, part) => mac.update(part), createHmac('sha384', key)).digest()

/** RFC 5869, sections 2.2 and 2.3, by the letter. */
function hkdfByHand(fromKms: Uint8Array, fromNsm: Uint8Array): Uint8Array {
  const length = fromKms.length
  const info = Buffer.concat([Buffer.from(LABEL), Uint8Array.of(length >> 8, length & 255)])
  const inner = hmac(fromNsm, fromKms)
  const blocks = [Buffer.alloc(0)]
  for (let i = 1; i <= Math.ceil(length / 48); i++) {
    blocks.push(hmac(inner, blocks.at(-1) ?? Buffer.alloc(0), info, Uint8Array.of(i)))
  }
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length))
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe('mix', () => {
  it('is HKDF-SHA-384, salted by the module, over the bytes of KMS', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 1024 }), bytes(64), (fromKms, fromNsm) => {
        const info = Buffer.concat([
          Buffer.from(LABEL),
          Uint8Array.of(fromKms.length >> 8, fromKms.length & 255),
        ])
        const expected = new Uint8Array(hkdfSync('sha384', fromKms, fromNsm, info, fromKms.length))
        expect(hkdfByHand(fromKms, fromNsm)).toEqual(expected)
        expect(mix(fromKms.slice(), fromNsm.slice())).toEqual(expected)
      }),
    )
  })
  it('gives what it always gave', () => {
    const given = mix(new Uint8Array(32).fill(1), new Uint8Array(64).fill(2))
    expect(Buffer.from(given).toString('hex')).toBe(GOLDEN)
  })
  it('depends on every byte of both', () => {
    const [fromKms, fromNsm] = [randomBytes(32), randomBytes(64)]
    const results = new Set<string>()
    for (let i = 0; i < 96; i++) {
      const [one, other] = [Uint8Array.from(fromKms), Uint8Array.from(fromNsm)]
      if (i < 32) one[i] = (one[i] ?? 0) ^ 1
      else other[i - 32] = (other[i - 32] ?? 0) ^ 1
      results.add(Buffer.from(mix(one, other)).toString('hex'))
    }
    expect(results.size).toBe(96)
  })
  it('gives something else for another length, not a part of it', () => {
    const [short, long] = [32, 33].map((length) => mix(new Uint8Array(length), new Uint8Array(64)))
    expect(long?.subarray(0, 32)).not.toEqual(short)
  })
  it('zeroes both', () => {
    const [fromKms, fromNsm] = [randomBytes(32), randomBytes(64)]
    mix(fromKms, fromNsm)
    expect(Buffer.concat([fromKms, fromNsm])).toEqual(Buffer.alloc(96))
  })
  it.each([0, 63, 65])('refuses %d bytes of the module, and zeroes them', (length) => {
    const [fromKms, fromNsm] = [randomBytes(32), new Uint8Array(length).fill(1)]
    expect(() => mix(fromKms, fromNsm)).toThrow(expect.objectContaining({ code: 'ERR_NSM_INVALID_RESPONSE' }))
    expect([...fromKms, ...fromNsm].every((byte) => byte === 0)).toBe(true)
  })
})

const GOLDEN = 'b0ad3a0823a6e6bbfd73bcec9618d93f9f6f52d7874307261381f8df37f038aa'

describe("GenerateRandom with mix: 'nsm'", () => {
  const fromKms = () => new Uint8Array(32).fill(7)
  const answer = async (body: Record<string, unknown>) => ({
    KeyId: KEY_ARN,
    CiphertextForRecipient: await sealedTo(body, fromKms()),
  })

  it("gives KMS's bytes mixed with 64 of the module's, each time others", async () => {
    const nsm = stubNsm()
    const recipient = await createRecipient({ nsm })
    const opened = vi.spyOn(recipient, 'open')
    const { client } = stubClient(recipient, answer, { mix: 'nsm' })
    for (const first of [0, 1]) {
      const { Plaintext } = await client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
      const fromNsm = Uint8Array.from({ length: 64 }, (_, i) => first + i)
      expect(Plaintext).toEqual(mix(fromKms(), fromNsm))
    }
    for (const { value } of opened.mock.results) expect(await value).toEqual(new Uint8Array(32))
  })
  it('leaves data keys alone, which KMS keeps under its own', async () => {
    const nsm = stubNsm()
    const { client } = stubClient(await createRecipient({ nsm }), answer, { mix: 'nsm' })
    const command = new GenerateDataKeyCommand({ KeyId: KEY_ARN, KeySpec: 'AES_256' })
    expect((await client.send(command)).Plaintext).toEqual(fromKms())
    expect(nsm.asked.map(({ type }) => type)).toEqual(['Attestation'])
  })
  it("fails with the module's error, and zeroes what KMS gave", async () => {
    const nsm = stubNsm((type) => {
      if (type === 'GetRandom') throw new Error('broken')
    })
    const recipient = await createRecipient({ nsm })
    const opened = vi.spyOn(recipient, 'open')
    const { client } = stubClient(recipient, answer, { mix: 'nsm' })
    await expect(client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))).rejects.toThrow('broken')
    expect(await opened.mock.results[0]?.value).toEqual(new Uint8Array(32))
  })
})
