import { GenerateRandomCommand } from '@aws-sdk/client-kms'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createRecipient } from '../../../enclave/kms/recipient.js'
import { isStale } from '../../../enclave/kms/stale-document.js'
import { Refusal, sealedTo, stubClient, stubNsm } from './stub-kms.js'

const refusal = (message: string, name = 'ValidationException') => Object.assign(new Error(message), { name })

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a refusal for the age of a document', () => {
  it.each([
    'The attestation document exceeded the five-minute age limit',
    'attestation document is too old',
    'Attestation document has expired.',
    'Recipient: stale document',
    'Recipient: the document may expire at any time',
    'Recipient: a document must be less than one minute from its making',
    'The timestamp of the attestation document is more than 5 minutes ago',
  ])('is: %s', (message) => {
    expect(isStale(refusal(message), 0)).toBe(true)
  })
  it.each([
    'cannot parse the attestation document',
    "1 validation error detected: Value at 'recipient.attestationDocument' failed to satisfy constraint: Member must have length less than or equal to 262144",
    "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint",
    'The grant has expired',
    '',
  ])('is not: %s', (message) => {
    expect(isStale(refusal(message), 0)).toBe(false)
  })
  it('is any about the document, when it may be older than four minutes', () => {
    const error = refusal('the attestation document is not valid')
    expect(isStale(error, 240_000)).toBe(false)
    expect(isStale(error, 240_001)).toBe(true)
    expect(isStale(refusal('NumberOfBytes is not valid'), 240_001)).toBe(false)
  })
  it('is a ValidationException and nothing else', () => {
    const message = 'The attestation document exceeded the five-minute age limit'
    expect(isStale(refusal(message, 'AccessDeniedException'), 240_001)).toBe(false)
    expect(isStale({ name: 'ValidationException', message }, 0)).toBe(false)
    expect(isStale(undefined, 0)).toBe(false)
  })
})

describe('a call whose document is found stale', () => {
  const stale = new Refusal(
    'com.amazonaws.kms#ValidationException',
    'The attestation document exceeded the five-minute age limit',
  )

  /** Refuses the first `times` calls. */
  async function scene(times: number, answer: Refusal = stale, meanwhile = (): void => undefined) {
    let asked = 0
    const nsm = stubNsm()
    const recipient = await createRecipient({ nsm })
    const documents: Uint8Array[] = []
    vi.spyOn(recipient, 'attest').mockImplementation(async () => {
      documents.push(recipient.publicKey)
      return recipient.publicKey
    })
    const { client, sent } = stubClient(recipient, async (body) => {
      asked += 1
      meanwhile()
      return asked <= times
        ? answer
        : { CiphertextForRecipient: await sealedTo(body, new Uint8Array(32).fill(7)) }
    })
    const call = () => client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
    return { call, sent, documents }
  }

  it('is made again, once, with a new one', async () => {
    const { call, sent, documents } = await scene(1)
    expect((await call()).Plaintext).toEqual(new Uint8Array(32).fill(7))
    expect([sent.length, documents.length]).toEqual([2, 2])
  })
  it('is not made a third time', async () => {
    const { call, sent } = await scene(2)
    await expect(call()).rejects.toMatchObject({ name: 'ValidationException', message: stale.message })
    expect(sent).toHaveLength(2)
  })
  it('has one retry each time', async () => {
    const { call, sent } = await scene(1)
    await call()
    await call()
    expect(sent).toHaveLength(3)
  })
  it('is not made again for another refusal', async () => {
    const { call, sent } = await scene(1, new Refusal('AccessDeniedException', stale.message))
    await expect(call()).rejects.toMatchObject({ name: 'AccessDeniedException' })
    expect(sent).toHaveLength(1)
  })
  it('is made again for any refusal of a document that waited four minutes, by a monotonic clock', async () => {
    let time = 1_000_000
    vi.spyOn(performance, 'now').mockImplementation(() => time)
    const vague = new Refusal('ValidationException', 'Bad attestation document')
    const quick = await scene(1, vague)
    await expect(quick.call()).rejects.toMatchObject({ name: 'ValidationException' })
    expect(quick.sent).toHaveLength(1)
    const slow = await scene(1, vague, () => {
      time += 240_001
    })
    expect((await slow.call()).Plaintext).toHaveLength(32)
  })
})
