import { GenerateRandomCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { nitroRecipient } from '../../../enclave/kms/middleware.js'
import { createRecipient } from '../../../enclave/kms/recipient.js'
import { type Body, sealedTo, stubClient, stubNsm } from './stub-kms.js'

const PLAINTEXT = new Uint8Array(32).fill(7)
const recipient = await createRecipient({ nsm: stubNsm() })
const stub = () =>
  stubClient(recipient, async (body: Body) => ({ CiphertextForRecipient: await sealedTo(body, PLAINTEXT) }))

describe('beside the middleware of others, added later', () => {
  it('an attested call looks to them like any other', async () => {
    const { client } = stub()
    const seen: unknown[] = []
    client.middlewareStack.add((next) => async (args) => {
      const answer = await next(args)
      seen.push({ ...args.input }, { ...answer.output })
      return answer
    })
    await client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
    expect(seen).toMatchObject([{ NumberOfBytes: 32 }, { Plaintext: PLAINTEXT }])
    expect(seen[0]).not.toHaveProperty('Recipient')
    expect(seen[1]).not.toHaveProperty('CiphertextForRecipient')
  })

  it('none of them makes another operation of a call', async () => {
    const { client, sent } = stub()
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string> }
        request.headers['x-amz-target'] = 'TrentService.GenerateRandom'
        return next(args)
      },
      { step: 'build' },
    )
    await expect(client.send(new ListKeysCommand({}))).rejects.toMatchObject({
      code: 'ERR_RECIPIENT_UNSUPPORTED',
    })
    expect(sent).toEqual([])
  })
})

it('is in a client once, under names of its own', () => {
  const { client } = stub()
  expect(client.middlewareStack.identify()).toEqual(
    expect.arrayContaining(['nitroRecipient - initialize', 'nitroRecipientGuard - build']),
  )
  expect(() => client.middlewareStack.use(nitroRecipient(recipient))).toThrow(/nitroRecipient/)
})
