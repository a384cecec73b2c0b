import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sealEnvelopedData } from '../../../simulator/kms/enveloped-data.js'
import { withOpenSsl } from '../../support/openssl.js'
import { readJsonVector, readVector, withVectors } from '../../support/vectors.js'
import { openSealed, type RsaKey, rsaKey } from './support.js'

const key = rsaKey()

/** Around the blocks of 16 bytes, and where the ciphertext passes 1,000 and 2,000 bytes. */
const SIZES = [1, 2, 12, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 127, 128, 255, 256, 511, 512, 767]
SIZES.push(975, 976, 983, 984, 990, 991, 992, 993, 999, 1000, 1007, 1008, 1022, 1023, 1024, 1991, 1992, 2500)

withOpenSsl('openssl cms -decrypt', (openssl) => {
  const open = (envelope: Uint8Array, { privateKey }: RsaKey) =>
    openssl.run(['cms', '-decrypt', '-inform', 'DER', '-binary', '-inkey', '{key}', '-in', '{envelope}'], {
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      envelope,
    })

  it.each(SIZES)('opens %i bytes', (size) => {
    const plaintext = randomBytes(size)
    expect(open(sealEnvelopedData(plaintext, key.spki), key)).toEqual(plaintext)
  })

  it.each([3072, 4096])('opens what is sealed for RSA-%i', (bits) => {
    const large = rsaKey(bits)
    for (const size of [12, 32, 1024]) {
      const plaintext = randomBytes(size)
      expect(open(sealEnvelopedData(plaintext, large.spki), large)).toEqual(plaintext)
    }
  })

  it('does not open with another key', () => {
    // OpenSSL goes on with a random content key, which gives a right padding once in 256 tries.
    const plaintext = randomBytes(32)
    const opened = (() => {
      try {
        return open(sealEnvelopedData(plaintext, key.spki), rsaKey())
      } catch {
        return undefined
      }
    })()
    expect(opened).not.toEqual(plaintext)
  })
})

describe('sealEnvelopedData', () => {
  it("has the sizes of KMS's replies", () => {
    expect(sealEnvelopedData(randomBytes(32), key.spki).length).toBe(493)
    expect(sealEnvelopedData(randomBytes(12), key.spki).length).toBe(461)
  })

  it('cuts the ciphertext into chunks of 1,000 bytes', () => {
    const chunkLengths = (size: number) => {
      const envelope = Buffer.from(sealEnvelopedData(randomBytes(size), key.spki))
      const lengths: number[] = []
      let at = 0x1b1
      while (envelope[at] === 0x04) {
        const long = envelope[at + 1] === 0x82
        const length = long ? envelope.readUInt16BE(at + 2) : (envelope[at + 1] ?? 0)
        lengths.push(length)
        at += (long ? 4 : 2) + length
      }
      expect(envelope.subarray(at).toString('hex')).toBe('00'.repeat(10))
      return lengths
    }
    expect(chunkLengths(32)).toEqual([48])
    expect(chunkLengths(992)).toEqual([1000, 8])
    expect(chunkLengths(1024)).toEqual([1000, 40])
    expect(chunkLengths(2500)).toEqual([1000, 1000, 512])
  })

  it('never repeats itself, and cannot be opened by another key', async () => {
    const plaintext = randomBytes(32)
    const sealed = sealEnvelopedData(plaintext, key.spki)
    expect(sealEnvelopedData(plaintext, key.spki)).not.toEqual(sealed)
    expect(await openSealed(sealed, rsaKey())).toBeUndefined()
  })

  it('names the key by the SHA-256 of its SubjectPublicKeyInfo', () => {
    const identifier = createHash('sha256').update(key.spki).digest()
    expect(Buffer.from(sealEnvelopedData(randomBytes(1), key.spki)).subarray(0x21, 0x41)).toEqual(identifier)
  })
})

withVectors("KMS's own replies", (directory) => {
  /** Offsets for RSA-2048: the fields that differ from reply to reply. */
  const varying = (length: number) => ({
    subjectKeyIdentifier: [0x21, 0x41],
    encryptedKey: [0x83, 0x183],
    iv: [0x19f, 0x1af],
    ciphertext: [0x1b3, length - 10],
  })
  const masked = (blob: Uint8Array) => {
    const copy = Buffer.from(blob)
    for (const [start, end] of Object.values(varying(blob.length))) copy.fill(0, start, end)
    return copy.toString('hex')
  }
  const replies: [string, number][] = [
    ['edgebit-sdk-go-datakey32.ber', 32],
    ['enclaver-helloworld.ber', 12],
    ['sdk-c-constructed-indef.ber', 32],
  ]
  it.each(replies)('%s has our bytes in every fixed field', (file, size) => {
    const real = readVector(directory, `cms/${file}`)
    const ours = sealEnvelopedData(randomBytes(size), key.spki)
    expect(masked(ours)).toBe(masked(real))
    for (const [start, end] of Object.values(varying(real.length))) {
      expect(ours.subarray(start, end)).not.toEqual(new Uint8Array(real.subarray(start, end)))
    }
  })

  it('the primitive reply has our bytes up to the content', () => {
    const real = readVector(directory, 'cms/sdk-c-primitive-ctx0.ber')
    const ours = sealEnvelopedData(randomBytes(12), key.spki)
    expect(masked(ours).slice(0, 2 * 0x1af)).toBe(masked(real).slice(0, 2 * 0x1af))
  })

  it('real replies name their keys as ours do', () => {
    const cases = readJsonVector<{ file: string; privateKeyPkcs8Base64: string | null }[]>(
      directory,
      'cms/cases.json',
    )
    const withKey = cases.filter((one) => one.privateKeyPkcs8Base64 !== null)
    expect(withKey.length).toBe(2)
    for (const { file, privateKeyPkcs8Base64 } of withKey) {
      const der = Buffer.from(privateKeyPkcs8Base64 ?? '', 'base64')
      const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
      const real = Buffer.from(readVector(directory, `cms/${file}`))
      expect(Buffer.from(sealEnvelopedData(randomBytes(1), spki)).subarray(0x1f, 0x41)).toEqual(
        real.subarray(0x1f, 0x41),
      )
    }
  })
})
