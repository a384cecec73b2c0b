import { randomBytes, webcrypto } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  MAX_ENVELOPE_LENGTH,
  openEnvelopedData,
  paddingLength,
  parseEnvelopedData,
} from '../../../enclave/kms/enveloped-data.js'
import { CONTEXT, constructed, primitive, TAG } from '../../../shared/asn1.js'
import { OperationError } from '../../../shared/errors.js'
import {
  type EnvelopeParts,
  failureOf,
  hash,
  integer,
  nothing,
  OIDS,
  oaep,
  octetString,
  oid,
  rsaKeyPair,
  seal,
  sequence,
  sha256Oaep,
  tagged,
} from './support.js'

const seam = vi.hoisted(() => ({
  randomBytes: undefined as ((size: number) => Buffer) | undefined,
  /** Gets what AES decrypts to, padding included. */
  decrypted: undefined as Uint8Array[] | undefined,
}))
vi.mock('node:crypto', async (original) => {
  const real = await original<typeof import('node:crypto')>()
  return {
    ...real,
    randomBytes: (size: number) => seam.randomBytes?.(size) ?? real.randomBytes(size),
    createDecipheriv: (...args: Parameters<typeof real.createDecipheriv>) => {
      const decipher = real.createDecipheriv(...args)
      const update = decipher.update.bind(decipher) as (data: Uint8Array) => Buffer
      return Object.assign(decipher, {
        update: (data: Uint8Array) => {
          const padded = update(data)
          seam.decrypted?.push(padded)
          return padded
        },
      })
    },
  }
})

let key: webcrypto.CryptoKeyPair
let otherKey: webcrypto.CryptoKeyPair
beforeAll(async () => {
  key = await rsaKeyPair()
  otherKey = await rsaKeyPair()
})
afterEach(() => {
  seam.randomBytes = undefined
  seam.decrypted = undefined
  vi.restoreAllMocks()
})

/** The one failure, as an envelope that nobody can read shows it. */
let uniform: Record<string, unknown>
beforeAll(async () => {
  uniform = await failureOf(new Uint8Array(0), key.privateKey)
})

async function expectFailure(bytes: Uint8Array, privateKey = key.privateKey, length?: number): Promise<void> {
  expect(await failureOf(bytes, privateKey, length)).toEqual(uniform)
}

describe('the one failure', () => {
  it('is an OperationError without a cause', () => {
    expect(uniform).toMatchObject({
      class: OperationError,
      code: 'ERR_ENVELOPE',
      message: 'the envelope could not be opened',
    })
    expect(uniform.keys).not.toContain('cause')
    expect(uniform.stack).toContain('openEnvelopedData')
  })
})

describe('what is read', () => {
  const plaintext = randomBytes(32)
  const variants: Record<string, (parts: EnvelopeParts) => void> = {
    'as KMS writes it': () => undefined,
    'hash parameters absent': (parts) => {
      parts.oaep = oaep(tagged(0, hash(OIDS.sha256)), tagged(1, sequence(oid(OIDS.mgf1), hash(OIDS.sha256))))
    },
    'the empty label written out': (parts) => {
      const label = sequence(oid(OIDS.pSpecified), octetString(new Uint8Array(0)))
      parts.oaep = oaep(...sha256Oaep, tagged(2, label))
    },
    'a recipient by issuer and serial number, version 0': (parts) => {
      parts.version = integer(0)
      parts.recipientVersion = integer(0)
      parts.recipientId = sequence(sequence(), integer(1))
    },
    'a key identifier of 20 bytes': (parts) => {
      parts.recipientId = primitive(0, new Uint8Array(20), CONTEXT)
    },
  }
  for (const [name, change] of Object.entries(variants)) {
    it(name, async () => {
      const blob = await seal(plaintext, key.publicKey, { change })
      expect(Buffer.from(await openEnvelopedData(blob, key.privateKey, { length: 32 }))).toEqual(plaintext)
    })
  }
  it('gives the key identifier only when there is one', async () => {
    const byName = await seal(plaintext, key.publicKey, {
      change: (parts) => {
        parts.recipientId = sequence(sequence(), integer(1))
      },
    })
    expect(Object.keys(parseEnvelopedData(byName))).not.toContain('recipientId')
    expect(parseEnvelopedData(await seal(plaintext, key.publicKey)).recipientId).toHaveLength(32)
  })
  for (const chunk of [1, 7, 16, 1000]) {
    it(`ciphertext in OCTET STRINGs of ${chunk}`, async () => {
      const long = randomBytes(1024)
      const blob = await seal(long, key.publicKey, { chunk })
      expect(parseEnvelopedData(blob).segments).toBe(Math.ceil(1040 / chunk))
      expect(Buffer.from(await openEnvelopedData(blob, key.privateKey, { length: 1024 }))).toEqual(long)
    })
  }
  for (const modulusLength of [3072, 4096]) {
    it(`keys of ${modulusLength} bits`, async () => {
      const large = await rsaKeyPair(modulusLength)
      const blob = await seal(plaintext, large.publicKey)
      expect(Buffer.from(await openEnvelopedData(blob, large.privateKey, { length: 32 }))).toEqual(plaintext)
      await expectFailure(blob)
    })
  }
})

describe('what is refused', () => {
  const label = (source: string, bytes: Uint8Array) => tagged(2, sequence(oid(source), octetString(bytes)))
  const mask = (name: string, of: string) => tagged(1, sequence(oid(name), hash(of, nothing)))
  const sha256 = tagged(0, hash(OIDS.sha256, nothing))
  const cases: Record<string, (parts: EnvelopeParts) => void> = {
    'another content type': (p) => {
      p.contentType = oid(OIDS.data)
    },
    'version 1': (p) => {
      p.version = integer(1)
    },
    'version of two bytes': (p) => {
      p.version = primitive(TAG.INTEGER, Uint8Array.of(2, 0))
    },
    'recipient version 3': (p) => {
      p.recipientVersion = integer(3)
    },
    'two recipients': (p) => {
      p.moreRecipients = [sequence(p.recipientVersion, p.recipientId, p.oaep, p.encryptedKey)]
    },
    'more in KeyTransRecipientInfo': (p) => {
      p.moreOfRecipient = [nothing]
    },
    'more in EncryptedContentInfo': (p) => {
      p.moreOfContent = [nothing]
    },
    'unprotected attributes': (p) => {
      p.attributes = [tagged(1)]
    },
    'a constructed key identifier': (p) => {
      p.recipientId = tagged(0, octetString(new Uint8Array(32)))
    },
    'PKCS #1 v1.5 key encryption': (p) => {
      p.oaep = sequence(oid(OIDS.rsaEncryption), nothing)
    },
    "OAEP's parameters under another name": (p) => {
      p.oaep = sequence(oid(OIDS.rsaEncryption), ...p.oaep.children.slice(1))
    },
    'a hash with an empty string for parameters': (p) => {
      p.oaep = oaep(
        tagged(0, hash(OIDS.sha256, octetString(new Uint8Array(0)))),
        mask(OIDS.mgf1, OIDS.sha256),
      )
    },
    'OAEP without parameters': (p) => {
      p.oaep = sequence(oid(OIDS.oaep))
    },
    'OAEP with defaults (SHA-1)': (p) => {
      p.oaep = oaep()
    },
    'OAEP with SHA-1': (p) => {
      p.oaep = oaep(tagged(0, hash(OIDS.sha1, nothing)), mask(OIDS.mgf1, OIDS.sha256))
    },
    'MGF1 by default (SHA-1)': (p) => {
      p.oaep = oaep(sha256)
    },
    'MGF1 with SHA-1': (p) => {
      p.oaep = oaep(sha256, mask(OIDS.mgf1, OIDS.sha1))
    },
    'a mask that is not MGF1': (p) => {
      p.oaep = oaep(sha256, mask(OIDS.oaep, OIDS.sha256))
    },
    'a hash with parameters': (p) => {
      p.oaep = oaep(tagged(0, hash(OIDS.sha256, integer(0))), mask(OIDS.mgf1, OIDS.sha256))
    },
    'NULL with content': (p) => {
      p.oaep = oaep(
        tagged(0, hash(OIDS.sha256, primitive(TAG.NULL, Uint8Array.of(0)))),
        mask(OIDS.mgf1, OIDS.sha256),
      )
    },
    'hash with more than parameters': (p) => {
      p.oaep = oaep(tagged(0, hash(OIDS.sha256, nothing, nothing)), mask(OIDS.mgf1, OIDS.sha256))
    },
    'mask with more': (p) => {
      p.oaep = oaep(sha256, tagged(1, sequence(oid(OIDS.mgf1), hash(OIDS.sha256), nothing)))
    },
    'an explicit tag around two values': (p) => {
      p.oaep = oaep(tagged(0, hash(OIDS.sha256), hash(OIDS.sha256)), mask(OIDS.mgf1, OIDS.sha256))
    },
    'a label': (p) => {
      p.oaep = oaep(...sha256Oaep, label(OIDS.pSpecified, Uint8Array.of(1)))
    },
    'an unknown label source': (p) => {
      p.oaep = oaep(...sha256Oaep, label(OIDS.data, new Uint8Array(0)))
    },
    'a label with more': (p) => {
      p.oaep = oaep(
        ...sha256Oaep,
        tagged(2, sequence(oid(OIDS.pSpecified), octetString(new Uint8Array(0)), nothing)),
      )
    },
    'a fourth OAEP parameter': (p) => {
      p.oaep = oaep(...sha256Oaep, label(OIDS.pSpecified, new Uint8Array(0)), tagged(3))
    },
    'more after the OAEP parameters': (p) => {
      p.oaep = sequence(...p.oaep.children, nothing)
    },
    'a constructed encrypted key': (p) => {
      p.encryptedKey = constructed(TAG.OCTET_STRING, [p.encryptedKey])
    },
    'inner content that is not data': (p) => {
      p.innerType = oid(OIDS.envelopedData)
    },
    'AES-128-CBC': (p) => {
      p.cipher = sequence(oid(OIDS.aes128Cbc), octetString(new Uint8Array(16)))
    },
    'an IV of 12 bytes': (p) => {
      p.cipher = sequence(oid(OIDS.aes256Cbc), octetString(new Uint8Array(12)))
    },
    'an IV of 17 bytes': (p) => {
      p.cipher = sequence(oid(OIDS.aes256Cbc), octetString(new Uint8Array(17)))
    },
    'more after the IV': (p) => {
      p.cipher = sequence(...p.cipher.children, nothing)
    },
    'no ciphertext': (p) => {
      p.encrypted = primitive(0, new Uint8Array(0), CONTEXT)
    },
    'no chunks': (p) => {
      p.encrypted = tagged(0)
    },
    'half a block': (p) => {
      p.encrypted = primitive(0, new Uint8Array(24), CONTEXT)
    },
    'chunks that are not OCTET STRINGs': (p) => {
      p.encrypted = tagged(0, integer(1))
    },
    'nested chunks': (p) => {
      p.encrypted = tagged(0, constructed(TAG.OCTET_STRING, [octetString(new Uint8Array(16))]))
    },
    'ciphertext under another tag': (p) => {
      p.encrypted = octetString(new Uint8Array(16))
    },
  }
  for (const [name, change] of Object.entries(cases)) {
    it(name, async () => {
      const blob = await seal(new Uint8Array(32), key.publicKey, { change })
      expect(() => parseEnvelopedData(blob)).toThrow(
        expect.objectContaining({ name: 'FormatError', code: 'ERR_BER' }),
      )
      await expectFailure(blob)
    })
  }

  it('bytes after the envelope', async () => {
    const blob = await seal(new Uint8Array(32), key.publicKey)
    await expectFailure(Buffer.concat([blob, Uint8Array.of(0)]))
  })
  it('more in ContentInfo than its content', async () => {
    const blob = await seal(new Uint8Array(32), key.publicKey)
    const doubled = Buffer.concat([blob.subarray(4), Uint8Array.of(5, 0)])
    await expectFailure(
      Buffer.concat([Uint8Array.of(0x30, 0x82, doubled.length >> 8, doubled.length & 255), doubled]),
    )
  })
  it('more than the API allows', async () => {
    const overhead = (await seal(new Uint8Array(4096), key.publicKey)).length - 4112
    const room = MAX_ENVELOPE_LENGTH - overhead
    const largest = room - (room % 16) - 1
    const fits = await seal(new Uint8Array(largest), key.publicKey)
    expect(fits.length).toBeLessThanOrEqual(MAX_ENVELOPE_LENGTH)
    expect(await openEnvelopedData(fits, key.privateKey)).toHaveLength(largest)
    const tooLong = await seal(new Uint8Array(largest + 16), key.publicKey)
    expect(() => parseEnvelopedData(tooLong)).toThrow('too long')
    await expectFailure(tooLong)
  })
  it('one byte more than the longest', async () => {
    const named = (length: number) =>
      seal(new Uint8Array(5_000), key.publicKey, {
        change: (parts) => {
          parts.recipientId = primitive(0, new Uint8Array(length), CONTEXT)
        },
      })
    const length = 300 + MAX_ENVELOPE_LENGTH - (await named(300)).length
    expect(await named(length)).toHaveLength(MAX_ENVELOPE_LENGTH)
    expect(await openEnvelopedData(await named(length), key.privateKey)).toHaveLength(5_000)
    await expectFailure(await named(length + 1))
  })
  it('another key', async () => {
    await expectFailure(await seal(new Uint8Array(32), otherKey.publicKey))
  })
  it('an encrypted key as long as another modulus', async () => {
    const blob = await seal(new Uint8Array(32), key.publicKey, {
      change: (parts) => {
        parts.encryptedKey = octetString(new Uint8Array(384))
      },
    })
    const decrypt = vi.spyOn(webcrypto.subtle, 'decrypt')
    await expectFailure(blob)
    expect(decrypt.mock.calls[0]?.[2]).toHaveLength(256)
  })
  for (const size of [0, 16, 31, 33, 64]) {
    it(`a content key of ${size} bytes`, async () => {
      await expectFailure(await seal(new Uint8Array(32), key.publicKey, { contentKey: new Uint8Array(size) }))
    })
  }
  it('SHA-1 inside, whatever the envelope says', async () => {
    const spki = await webcrypto.subtle.exportKey('spki', key.publicKey)
    const sha1 = await webcrypto.subtle.importKey('spki', spki, { name: 'RSA-OAEP', hash: 'SHA-1' }, true, [
      'encrypt',
    ])
    await expectFailure(await seal(new Uint8Array(32), sha1))
  })
  for (const length of [0, 31, 33, Number.NaN]) {
    it(`32 bytes where ${length} were asked for`, async () => {
      await expectFailure(await seal(new Uint8Array(32), key.publicKey), key.privateKey, length)
    })
  }
  it.each([
    ['0', [...new Array(15).fill(1), 0]],
    ['17', new Array(16).fill(17)],
    ['255', new Array(16).fill(255)],
    ['2 after 3', [...new Array(14).fill(0), 3, 2]],
    ['16 after one 15', [15, ...new Array(15).fill(16)]],
  ])('padding: %s', async (_, last) => {
    const padded = Buffer.from([...new Array(32).fill(0), ...last])
    await expectFailure(await seal(new Uint8Array(0), key.publicKey, { padded }))
  })
  it('something that is not bytes', async () => {
    await expectFailure(undefined as unknown as Uint8Array)
  })
})

describe('damage', () => {
  it('a truncation anywhere, a flipped bit anywhere, random bytes: one failure', async () => {
    const blob = await seal(randomBytes(32), key.publicKey, { chunk: 16 })
    for (let length = 0; length < blob.length; length++) await expectFailure(blob.subarray(0, length))
    // A flip may hit what is not read (the recipient's name) or cannot be checked (CBC): then it opens.
    const { encryptedKey } = parseEnvelopedData(blob)
    const from = Buffer.from(blob).indexOf(encryptedKey)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: from * 8, max: (from + encryptedKey.length) * 8 - 1 }),
        async (bit) => {
          const damaged = Uint8Array.from(blob)
          damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          await expectFailure(damaged, key.privateKey, 32)
        },
      ),
      { numRuns: 150 },
    )
    for (let bit = 0; bit < blob.length * 8; bit++) {
      const damaged = Uint8Array.from(blob)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const failure = await failureOf(damaged, key.privateKey, 32)
      if (failure.message !== 'opened') expect(failure).toEqual(uniform)
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 700 }), (bytes) => expectFailure(bytes)),
      { numRuns: 150 },
    )
  }, 120_000)
})

/** What random bytes are used for where there is nothing else to work on: a genuine part would be taken for one. */
function decoy(parts: {
  readonly contentKey?: Uint8Array
  readonly encryptedKey?: Uint8Array
  readonly iv?: Uint8Array
  readonly ciphertext?: Uint8Array
}): Buffer {
  const { contentKey = Buffer.alloc(32), encryptedKey = Buffer.alloc(256, 1) } = parts
  const { iv = Buffer.alloc(16), ciphertext = Buffer.alloc(48) } = parts
  return Buffer.concat([contentKey, encryptedKey, iv, ciphertext])
}

describe('equal work', () => {
  it('a random key that happens to fit does not open an envelope whose key was not unwrapped', async () => {
    const contentKey = randomBytes(32)
    const blob = await seal(new Uint8Array(32), otherKey.publicKey, { contentKey })
    const decrypt = vi.spyOn(webcrypto.subtle, 'decrypt')
    seam.randomBytes = () => decoy({ contentKey })
    await expectFailure(blob, key.privateKey, 32)
    expect(decrypt).toHaveBeenCalledTimes(1)
  })
  it('a decoy whose content opens does not count as an envelope', async () => {
    const genuine = parseEnvelopedData(await seal(new Uint8Array(32), key.publicKey))
    seam.randomBytes = () => decoy(genuine)
    vi.spyOn(Buffer.prototype, 'fill').mockImplementation(function (this: Buffer) {
      return this
    })
    await expectFailure(new Uint8Array(3), key.privateKey, 32)
  })
  it('works on RSA and AES even when nothing can be read', async () => {
    const decrypt = vi.spyOn(webcrypto.subtle, 'decrypt')
    await expectFailure(new Uint8Array(3))
    expect(decrypt).toHaveBeenCalledTimes(1)
    expect(decrypt.mock.calls[0]?.[2]).toHaveLength(256)
  })
  it('decrypts three blocks of AES when nothing can be read', async () => {
    seam.decrypted = []
    await expectFailure(new Uint8Array(3))
    expect(seam.decrypted.map(({ length }) => length)).toEqual([48])
  })
  it('zeroes the content key', async () => {
    const seen: ArrayBuffer[] = []
    const real = webcrypto.subtle.decrypt.bind(webcrypto.subtle)
    vi.spyOn(webcrypto.subtle, 'decrypt').mockImplementation(async (...args) => {
      const result = await real(...args)
      seen.push(result)
      return result
    })
    const blob = await seal(Buffer.alloc(32, 7), key.publicKey)
    expect(Buffer.from(await openEnvelopedData(blob, key.privateKey, { length: 32 }))).toEqual(
      Buffer.alloc(32, 7),
    )
    await expectFailure(blob, key.privateKey, 31)
    expect(seen.map((buffer) => Buffer.from(buffer).toString('hex'))).toEqual([
      '00'.repeat(32),
      '00'.repeat(32),
    ])
  })
  it('zeroes what it decrypted when it fails', async () => {
    const blob = await seal(Buffer.alloc(32, 7), key.publicKey)
    const taken: Uint8Array[] = []
    const accept = (plaintext: Uint8Array) => {
      taken.push(plaintext)
      return false
    }
    seam.decrypted = taken
    expect(await failureOf(blob, key.privateKey, undefined, accept)).toEqual(uniform)
    expect(taken.map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual([
      '00'.repeat(48),
      '00'.repeat(32),
    ])
  })
  it('zeroes the random key', async () => {
    const given: Buffer[] = []
    seam.randomBytes = (size) => {
      given.push(Buffer.alloc(size, 9))
      return given.at(-1) ?? Buffer.alloc(0)
    }
    await openEnvelopedData(
      await seal(new Uint8Array(1), key.publicKey, { contentKey: Buffer.alloc(32, 3) }),
      key.privateKey,
    )
    expect(given.at(-1)?.subarray(0, 32)).toEqual(Buffer.alloc(32))
    expect(given.at(-1)?.subarray(33, 288)).toEqual(Buffer.alloc(255, 9))
  })
})

describe('accept', () => {
  const plaintext = Buffer.alloc(32, 7)
  /** Accepts, and counts how often it was asked. */
  const asked = (answer: () => boolean = () => true) => vi.fn((_: Uint8Array) => answer())

  it('gets the plaintext, and its yes opens', async () => {
    const accept = vi.fn((bytes: Uint8Array) => Buffer.from(bytes).equals(plaintext))
    const opened = await openEnvelopedData(await seal(plaintext, key.publicKey), key.privateKey, { accept })
    expect(opened).toEqual(new Uint8Array(plaintext))
    expect(accept).toHaveBeenCalledTimes(1)
  })
  it.each<[string, () => unknown]>([
    ['no', () => false],
    ['something else than yes', () => 'yes'],
    [
      'an error',
      () => {
        throw new Error('secret')
      },
    ],
  ])('%s is the one failure', async (_, answer) => {
    const blob = await seal(plaintext, key.publicKey)
    expect(await failureOf(blob, key.privateKey, 32, asked(answer as () => boolean))).toEqual(uniform)
  })
  it('is asked once, and its yes changes nothing, where anything else is wrong', async () => {
    const wrong: [string, Uint8Array, number?][] = [
      ['no envelope', new Uint8Array(3)],
      ['another key', await seal(plaintext, otherKey.publicKey)],
      ['a short content key', await seal(plaintext, key.publicKey, { contentKey: new Uint8Array(16) })],
      ['padding', await seal(plaintext, key.publicKey, { padded: Buffer.alloc(48) })],
      ['length', await seal(plaintext, key.publicKey), 31],
    ]
    for (const [name, blob, length] of wrong) {
      const accept = asked()
      expect(await failureOf(blob, key.privateKey, length, accept), name).toEqual(uniform)
      expect(accept, name).toHaveBeenCalledTimes(1)
    }
  })
})

describe('padding', () => {
  it('agrees with PKCS #7 for every last byte and every length', () => {
    for (let last = 0; last < 256; last++) {
      for (let right = 0; right <= 16; right++) {
        const block = Buffer.alloc(16, 0xee)
        block.fill(last, 16 - right)
        block[15] = last
        const good = last >= 1 && last <= 16 && (right >= last || last === 1)
        expect(paddingLength(block)).toBe(good ? last : 0)
      }
    }
  })
  it('is wrong in an empty block', () => {
    expect(paddingLength(new Uint8Array(0))).toBe(0)
  })
})
