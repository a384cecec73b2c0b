import { webcrypto } from 'node:crypto'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { GenerateRandomCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Recipient, RecipientSource } from '../../../enclave/kms/recipient.js'
import { rotatingRecipient } from '../../../enclave/kms/rotating-recipient.js'
import { sealedTo, stubClient, stubNsm } from './stub-kms.js'

/** On a machine that has much else to do. */
const PATIENCE = { timeout: 20_000 }

const nsm = stubNsm()

/** Some key pairs, made once: generation() gives them out at once, or when it is told to. */
const pairs: { readonly pair: webcrypto.CryptoKeyPair; readonly spki: ArrayBuffer }[] = []
beforeAll(async () => {
  const algorithm = {
    name: 'RSA-OAEP',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  }
  for (let i = 0; i < 6; i++) {
    const pair = await webcrypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt'])
    pairs.push({ pair, spki: await webcrypto.subtle.exportKey('spki', pair.publicKey) })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

interface Generation {
  /** Key pairs begun so far. */
  begun: number
  /** From now on none can be made. */
  failing: boolean
  /** From now on they are not ready before release(). */
  hold(): void
  release(): void
}

function generation(): Generation {
  let held: Promise<void> | undefined
  const state: Generation = {
    begun: 0,
    failing: false,
    release: () => undefined,
    hold() {
      held = new Promise((resolve) => {
        state.release = resolve
      })
    },
  }
  vi.spyOn(webcrypto.subtle, 'generateKey').mockImplementation((async () => {
    const made = pairs[state.begun++ % pairs.length]
    await held
    if (state.failing) throw new Error('no entropy')
    return made?.pair
  }) as never)
  // No thread has a part in it: how long it takes does not depend on the machine.
  vi.spyOn(webcrypto.subtle, 'exportKey').mockImplementation((async (_: string, key: unknown) => {
    return pairs.find(({ pair }) => pair.publicKey === key)?.spki
  }) as never)
  return state
}

const name = ({ publicKey }: Recipient) => Buffer.from(publicKey).toString('hex')
const take = async (source: RecipientSource, count: number) =>
  (await Promise.all(Array.from({ length: count }, () => source.recipient()))).map(name)
/** What the background has begun is done. */
const settled = async () => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** How many calls each pair got, in their order. */
function counts(given: readonly string[]): number[] {
  const result = new Map<string, number>()
  for (const one of given) result.set(one, (result.get(one) ?? 0) + 1)
  return [...result.values()]
}

describe('options', () => {
  it.each([
    { maxAge: 0 },
    { maxAge: -1_000 },
    { maxAge: 999 },
    { maxAge: Number.NaN },
    { maxAge: '1000' },
    { maxCalls: 0 },
    { maxCalls: 1.5 },
    { maxCalls: Number.NaN },
    { maxCalls: '1' },
    { modulusLength: 1024 },
    { nsm: {} },
  ])('%j are refused', async (options) => {
    const made = rotatingRecipient({ nsm, ...(options as object) })
    await expect(made).rejects.toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
  })
  it('make the first pair, or fail', async () => {
    const made = generation()
    await rotatingRecipient({ nsm })
    expect(made.begun).toBe(1)
    made.failing = true
    await expect(rotatingRecipient({ nsm })).rejects.toThrow('no entropy')
  })
  it('say how long the keys are', async () => {
    const source = await rotatingRecipient({ nsm, modulusLength: 3072 })
    expect((await source.recipient()).publicKey.length).toBe(422)
  })
})

describe('rotation by count', () => {
  it('gives each pair to maxCalls calls, and to no more, however many ask at once', async () => {
    generation()
    const source = await rotatingRecipient({ nsm, maxCalls: 3 })
    const given = [...(await take(source, 2)), ...(await take(source, 8)), ...(await take(source, 1))]
    expect(counts(given)).toEqual([3, 3, 3, 2])
  })
  it('has a pair for each call with maxCalls: 1, and one more for the next', async () => {
    const made = generation()
    const source = await rotatingRecipient({ nsm, maxCalls: 1 })
    expect(counts(await take(source, 4))).toEqual([1, 1, 1, 1])
    expect(made.begun).toBe(5)
  })
  it('makes the next pair ahead, so that nobody waits for it', async () => {
    const made = generation()
    const source = await rotatingRecipient({ nsm, maxCalls: 4 })
    await take(source, 2)
    expect(made.begun).toBe(1)
    await take(source, 1)
    expect(made.begun).toBe(2)
    await settled()
    made.hold()
    expect(counts(await take(source, 4))).toEqual([1, 3])
    made.release()
  })
  it('keeps the present pair in use while the next is made', async () => {
    const made = generation()
    const source = await rotatingRecipient({ nsm, maxCalls: 4 })
    made.hold()
    expect(counts(await take(source, 4))).toEqual([4])
    expect(made.begun).toBe(2)
    const waiting = take(source, 2)
    made.release()
    expect(counts(await waiting)).toEqual([2])
    expect(made.begun).toBe(2)
  })
})

describe('rotation by age', () => {
  async function aging(options: { maxCalls?: number } = {}) {
    const made = generation()
    let time = 5_000
    const source = await rotatingRecipient({ nsm, maxAge: 1_000, now: () => time, ...options })
    return { made, source, pass: (ms: number) => (time += ms) }
  }

  it('begins no call with a pair of that age', async () => {
    const { source, pass } = await aging()
    const [first] = await take(source, 1)
    pass(999)
    expect(await take(source, 1)).toEqual([first])
    await settled()
    pass(1)
    expect(await take(source, 1)).not.toEqual([first])
  })
  it('makes the next pair ahead, by a call late in the life of the present one', async () => {
    const { made, source, pass } = await aging()
    pass(749)
    await take(source, 1)
    expect(made.begun).toBe(1)
    pass(1)
    await take(source, 1)
    expect(made.begun).toBe(2)
    await settled()
    made.hold()
    pass(250)
    expect(await take(source, 1)).toHaveLength(1)
    made.release()
  })
  it('takes no pair that grew old while it waited', async () => {
    const { made, source, pass } = await aging()
    pass(800)
    await take(source, 1)
    await settled()
    expect(made.begun).toBe(2)
    pass(5_000)
    await take(source, 1)
    expect(made.begun).toBe(3)
  })
  it('makes nothing while nobody calls', async () => {
    const { made, pass } = await aging()
    pass(100_000)
    await settled()
    expect(made.begun).toBe(1)
  })
  it('goes by the monotonic clock of the process', async () => {
    const made = generation()
    let time = 0
    vi.spyOn(performance, 'now').mockImplementation(() => time)
    const source = await rotatingRecipient({ nsm })
    vi.spyOn(Date, 'now').mockReturnValue(0)
    time = 3_599_999
    await take(source, 1)
    await settled()
    expect(made.begun).toBe(2)
  })
  it('has no end with Infinity', async () => {
    const made = generation()
    let time = 0
    const source = await rotatingRecipient({ nsm, maxAge: Infinity, maxCalls: Infinity, now: () => time })
    await take(source, 1_000)
    time = Number.MAX_SAFE_INTEGER
    await take(source, 1)
    expect(made.begun).toBe(1)
  })
})

describe('a pair that cannot be made', () => {
  it('is an error only for calls that need it, and is tried again', async () => {
    const made = generation()
    const source = await rotatingRecipient({ nsm, maxCalls: 4 })
    made.failing = true
    for (let i = 0; i < 4; i++) {
      await take(source, 1)
      await settled()
    }
    const attempts = made.begun
    for (let i = 0; i < 2; i++) await expect(source.recipient()).rejects.toThrow('no entropy')
    expect(made.begun).toBe(attempts + 2)
    made.failing = false
    expect(counts(await take(source, 4))).toEqual([4])
  })
  it('fails all who wait for it, with one attempt', async () => {
    const made = generation()
    const source = await rotatingRecipient({ nsm, maxCalls: 1 })
    made.hold()
    await take(source, 1)
    const waiting = Promise.allSettled([source.recipient(), source.recipient(), source.recipient()])
    made.failing = true
    made.release()
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(made.begun).toBe(2)
  })
})

describe('calls', () => {
  it('each keep the recipient that they began with, through a rotation', async () => {
    const source = await rotatingRecipient({ nsm, maxCalls: 1 })
    const held: (() => void)[] = []
    const { client, sent } = stubClient(source, async (body) => {
      await new Promise<void>((resolve) => held.push(resolve))
      return { CiphertextForRecipient: await sealedTo(body, new Uint8Array(32).fill(sent.length)) }
    })
    const send = () => client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
    const calls = []
    for (let i = 1; i <= 3; i++) {
      calls.push(send())
      await vi.waitFor(() => expect(held).toHaveLength(i), PATIENCE)
    }
    for (const release of held.reverse()) release()
    for (const { Plaintext } of await Promise.all(calls)) expect(Plaintext).toHaveLength(32)
    const documents = sent.map(({ Recipient }) => JSON.stringify(Recipient))
    expect(new Set(documents).size).toBe(3)
  })
  it('let go of a pair when the last of them ends', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const source = await rotatingRecipient({ nsm, maxCalls: 1 })
    let inFlight: Recipient | undefined = await source.recipient()
    const old = new WeakRef(inFlight)
    await source.recipient()
    expect(await inFlight.attest()).toEqual(inFlight.publicKey)
    inFlight = undefined
    await vi.waitFor(() => {
      collect()
      expect(old.deref()).toBeUndefined()
    }, PATIENCE)
  })
})

it('shows nothing', async () => {
  const source = await rotatingRecipient({ nsm })
  await source.recipient()
  expect(JSON.stringify(source)).toBe('{}')
  expect(inspect(source, { showHidden: true, depth: 10 })).toBe('RotatingRecipient {}')
  expect(Reflect.ownKeys(source)).toEqual([])
})
