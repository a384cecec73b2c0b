/** Every way to fail, side by side: what a caller can see of it, and what the process does for it. */
import { randomBytes, webcrypto } from 'node:crypto'
import { inspect } from 'node:util'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openEnvelopedData } from '../../../enclave/kms/enveloped-data.js'
import { OperationError } from '../../../shared/errors.js'
import { nothing, octetString, rsaKeyPair, seal } from './support.js'

const seam = vi.hoisted(() => ({ randomSizes: [] as number[], deciphered: 0 }))
vi.mock('node:crypto', async (original) => {
  const real = await original<typeof import('node:crypto')>()
  return {
    ...real,
    randomBytes: (size: number) => {
      seam.randomSizes.push(size)
      return real.randomBytes(size)
    },
    createDecipheriv: (...args: Parameters<typeof real.createDecipheriv>) => {
      seam.deciphered += 1
      return real.createDecipheriv(...args)
    },
  }
})

const LENGTH = 32
let key: webcrypto.CryptoKeyPair
let other: webcrypto.CryptoKeyPair
beforeAll(async () => {
  key = await rsaKeyPair()
  other = await rsaKeyPair()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const good = () => seal(randomBytes(LENGTH), key.publicKey)

/** RSA computes, and OAEP refuses. */
const unwrappable = () => {
  const encryptedKey = randomBytes(256).fill(0, 0, 1)
  return seal(randomBytes(LENGTH), key.publicKey, {
    change: (parts) => {
      parts.encryptedKey = octetString(encryptedKey)
    },
  })
}

interface Failing {
  readonly bytes: () => Promise<Uint8Array>
  readonly length?: number
  readonly accept?: () => boolean
}

const WAYS: Readonly<Record<string, Failing>> = {
  'bad padding': {
    bytes: () => seal(new Uint8Array(0), key.publicKey, { padded: Buffer.alloc(LENGTH + 16, 0xee) }),
  },
  'failed unwrap': { bytes: unwrappable },
  'wrong length': { bytes: good, length: LENGTH - 1 },
  "another's key": { bytes: () => seal(randomBytes(LENGTH), other.publicKey) },
  'a content key of 16 bytes': {
    bytes: () => seal(randomBytes(LENGTH), key.publicKey, { contentKey: randomBytes(16) }),
  },
  'no envelope': { bytes: async () => randomBytes(500) },
  nothing: { bytes: async () => new Uint8Array(0) },
  'a field too many': {
    bytes: () =>
      seal(randomBytes(LENGTH), key.publicKey, { change: (parts) => void parts.attributes.push(nothing) }),
  },
  'too long': { bytes: async () => new Uint8Array(7_000) },
  'not accepted': { bytes: good, accept: () => false },
  'an acceptance that throws': {
    bytes: good,
    accept: () => {
      throw new Error('a reason of its own')
    },
  },
}
const ways = Object.keys(WAYS)

/** Every call starts on an empty stack, so that frames compare. */
async function failureOf(way: string): Promise<unknown> {
  const { bytes, length = LENGTH, accept } = WAYS[way] ?? { bytes: good }
  const envelope = await bytes()
  seam.randomSizes = []
  seam.deciphered = 0
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      openEnvelopedData(envelope, key.privateKey, { length, accept }).then(
        () => reject(new Error('opened')),
        resolve,
      )
    })
  })
}

describe('what a caller sees', () => {
  it.each(ways)('%s looks like every other failure', async (way) => {
    const failure = await failureOf(way)
    const one = await failureOf('wrong length')
    expect(failure).toBeInstanceOf(OperationError)
    expect(inspect(failure, { showHidden: true })).toBe(inspect(one, { showHidden: true }))
    expect(Object.getOwnPropertyDescriptors(failure)).toEqual(Object.getOwnPropertyDescriptors(one))
    expect(Object.getPrototypeOf(failure)).toBe(OperationError.prototype)
    expect(JSON.stringify(failure)).toBe(JSON.stringify(one))
  })
})

describe('what the process does', () => {
  it.each(ways)('%s: one draw of random bytes, one unwrap, one decryption', async (way) => {
    const decrypt = vi.spyOn(webcrypto.subtle, 'decrypt')
    await failureOf(way)
    expect(seam.randomSizes).toEqual([32 + 256 + 16 + 48])
    expect(decrypt).toHaveBeenCalledTimes(1)
    expect(seam.deciphered).toBe(1)
  })

  /** WebCrypto's own exception is not the global one. */
  it.each([
    ['wrong length', 1],
    ['bad padding', 1],
    ['failed unwrap', 0],
    ['no envelope', 0],
  ])('%s: %i exceptions beside those of WebCrypto, which refuses the others', async (way, count) => {
    const made = vi.fn()
    const Real = globalThis.DOMException
    vi.stubGlobal(
      'DOMException',
      class extends Real {
        constructor(...args: ConstructorParameters<typeof Real>) {
          super(...args)
          made()
        }
      },
    )
    await failureOf(way)
    expect(made).toHaveBeenCalledTimes(count)
  })
})
