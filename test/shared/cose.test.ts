import { createSecretKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { CborValue } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { parseSign1 } from '../../shared/cose.js'
import { coseAlgorithmOf, signSign1, verifySign1 } from '../../shared/cose-signature.js'
import { VerificationError } from '../../shared/errors.js'
import { code, refusal } from '../support/errors.js'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const PROTECTED = Uint8Array.of(0xa1, 0x01, 0x38, 0x22)
const PAYLOAD = Buffer.from('the payload')
/** The order of P-384 (SEC 2, section 2.5.1). */
const ORDER = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
)
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

interface Parts {
  readonly protectedHeader?: CborValue
  readonly unprotected?: CborValue
  readonly payload?: CborValue
  readonly signature?: CborValue
}

function message(parts: Parts = {}): Uint8Array {
  const { protectedHeader = PROTECTED, unprotected = new Map() } = parts
  const { payload = Uint8Array.from(PAYLOAD), signature = new Uint8Array(96) } = parts
  return encodeCbor([protectedHeader, unprotected, payload, signature])
}
const parse = (bytes: Uint8Array) => parseSign1(bytes, 16_384)
const refusedWith = (bytes: Uint8Array) => code(() => parse(bytes))
const header = (...entries: [CborValue, CborValue][]) => encodeCbor(new Map(entries as [string, CborValue][]))

describe('signing', () => {
  it('gives the bytes that hardware gives: untagged, 84 44 a1013822 a0', () => {
    const bytes = signSign1(new Uint8Array(300), privateKey)
    expect(Buffer.from(bytes.subarray(0, 10)).toString('hex')).toBe('8444a1013822a059012c')
    expect(bytes.length).toBe(9 + 1 + 300 + 2 + 96)
  })

  it('signs the Sig_structure of RFC 9052, section 4.4', () => {
    const { signature } = parse(signSign1(Uint8Array.from(PAYLOAD), privateKey))
    const signed = Buffer.concat([
      hex('846a'),
      Buffer.from('Signature1'),
      hex('44a101382240'),
      Uint8Array.of(0x40 + PAYLOAD.length),
      PAYLOAD,
    ])
    expect(verify('sha384', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
  })
})

describe('verifying', () => {
  const genuine = signSign1(Uint8Array.from(PAYLOAD), privateKey)

  it('accepts a message with and without tag 18', () => {
    const tagged = Buffer.concat([Uint8Array.of(0xd2), genuine])
    expect(parse(tagged)).toEqual(parse(genuine))
    expect(() => verifySign1(parse(tagged), publicKey)).not.toThrow()
  })

  it('refuses another payload, another protected header and another signature', async () => {
    const good = parse(genuine)
    const flipped = (bytes: Uint8Array) =>
      bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))
    for (const name of ['payload', 'protectedHeader', 'signature'] as const) {
      const error = await refusal(() => verifySign1({ ...good, [name]: flipped(good[name]) }, publicKey))
      expect([name, error.code]).toEqual([name, 'ERR_COSE_SIGNATURE'])
      expect(error).toBeInstanceOf(VerificationError)
    }
  })

  it('refuses the signature of another key', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    expect(await code(() => verifySign1(parse(genuine), other.publicKey))).toBe('ERR_COSE_SIGNATURE')
  })

  it('accepts both s and n - s: hardware emits high values', () => {
    const good = parse(genuine)
    const s = BigInt(`0x${Buffer.from(good.signature.subarray(48)).toString('hex')}`)
    const other = hex((ORDER - s).toString(16).padStart(96, '0'))
    const signature = Buffer.concat([good.signature.subarray(0, 48), other])
    expect(() => verifySign1({ ...good, signature }, publicKey)).not.toThrow()
  })

  it.each([
    ['r and s zero', '00'.repeat(96)],
    ['r and s the order', `${ORDER.toString(16)}${ORDER.toString(16)}`],
    ['r zero, s one', `${'00'.repeat(95)}01`],
    ['all ones', 'ff'.repeat(96)],
  ])('refuses a signature with %s', async (_, signature) => {
    const forged = { ...parse(genuine), signature: hex(signature) }
    expect(await code(() => verifySign1(forged, publicKey))).toBe('ERR_COSE_SIGNATURE')
  })

  it('refuses a signature over SHA-256', async () => {
    const signed = encodeCbor(['Signature1', PROTECTED, new Uint8Array(0), Uint8Array.from(PAYLOAD)])
    const signature = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    expect(await code(() => verifySign1({ ...parse(genuine), signature }, publicKey))).toBe(
      'ERR_COSE_SIGNATURE',
    )
  })

  it('accepts a protected header in another encoding, for its bytes are what was signed', () => {
    const protectedHeader = hex('bf013822ff')
    const payload = Uint8Array.from(PAYLOAD)
    const signed = encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload])
    const signature = new Uint8Array(sign('sha384', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
    const bytes = message({ protectedHeader, signature })
    expect(() => verifySign1(parse(bytes), publicKey)).not.toThrow()
  })
})

describe('messages that are no COSE_Sign1 of ES384', () => {
  it.each<[string, Uint8Array, string]>([
    ['a map', hex('a0'), 'ERR_COSE_STRUCTURE'],
    ['an array of three', encodeCbor([PROTECTED, new Map(), new Uint8Array(1)]), 'ERR_COSE_STRUCTURE'],
    [
      'an array of five',
      encodeCbor([PROTECTED, new Map(), new Uint8Array(1), new Uint8Array(96), null]),
      'ERR_COSE_STRUCTURE',
    ],
    [
      'a protected header that is a map',
      message({ protectedHeader: new Map([[1, -35]]) }),
      'ERR_COSE_STRUCTURE',
    ],
    ['a protected header that holds no map', message({ protectedHeader: hex('80') }), 'ERR_COSE_STRUCTURE'],
    ['a protected header that is no CBOR', message({ protectedHeader: hex('a1') }), 'ERR_CBOR_TRUNCATED'],
    [
      'bytes after the protected map',
      message({ protectedHeader: hex('a101382200') }),
      'ERR_CBOR_TRAILING_BYTES',
    ],
    ['an unprotected header that is null', message({ unprotected: null }), 'ERR_COSE_STRUCTURE'],
    [
      'an unprotected key identifier',
      message({ unprotected: new Map([[4, hex('3131')]]) }),
      'ERR_COSE_HEADER',
    ],
    ['an unprotected algorithm', message({ unprotected: new Map([[1, -35]]) }), 'ERR_COSE_HEADER'],
    ['a detached payload', message({ payload: null }), 'ERR_COSE_STRUCTURE'],
    ['an empty payload', message({ payload: hex('') }), 'ERR_COSE_STRUCTURE'],
    ['a payload that is text', message({ payload: 'text' }), 'ERR_COSE_STRUCTURE'],
    ['a signature that is text', message({ signature: 'a'.repeat(96) }), 'ERR_COSE_STRUCTURE'],
    ['a signature of 95 bytes', message({ signature: new Uint8Array(95) }), 'ERR_COSE_SIGNATURE_LENGTH'],
    ['a signature of 97 bytes', message({ signature: new Uint8Array(97) }), 'ERR_COSE_SIGNATURE_LENGTH'],
    ['no signature', message({ signature: hex('') }), 'ERR_COSE_SIGNATURE_LENGTH'],
    ['an empty protected header', message({ protectedHeader: hex('') }), 'ERR_COSE_ALGORITHM'],
    ['a protected header without algorithm', message({ protectedHeader: hex('a0') }), 'ERR_COSE_ALGORITHM'],
    ['ES256', message({ protectedHeader: header([1, -7]) }), 'ERR_COSE_ALGORITHM'],
    ['ES512', message({ protectedHeader: header([1, -36]) }), 'ERR_COSE_ALGORITHM'],
    ['ES384 by name', message({ protectedHeader: header([1, 'ES384']) }), 'ERR_COSE_ALGORITHM'],
    ['the placeholder of an emulator', message({ protectedHeader: header([1, -1]) }), 'ERR_COSE_ALGORITHM'],
    ['critical headers', message({ protectedHeader: header([1, -35], [2, [1]]) }), 'ERR_COSE_HEADER'],
    ['a content type', message({ protectedHeader: header([1, -35], [3, 0]) }), 'ERR_COSE_HEADER'],
    ['the algorithm twice', message({ protectedHeader: hex('a2013822013822') }), 'ERR_CBOR_DUPLICATE_KEY'],
    ['tag 98, COSE_Sign', Buffer.concat([hex('d862'), message()]), 'ERR_CBOR_TAG'],
    ['tag 18 in two bytes', Buffer.concat([hex('d812'), message()]), 'ERR_CBOR_TAG'],
    ['tag 18 twice', Buffer.concat([hex('d2d2'), message()]), 'ERR_CBOR_TAG'],
    ['tag 18 alone', hex('d2'), 'ERR_CBOR_TRUNCATED'],
    ['bytes after the message', Buffer.concat([message(), hex('00')]), 'ERR_CBOR_TRAILING_BYTES'],
  ])('refuses %s', async (_, bytes, expected) => {
    expect(await refusedWith(bytes)).toBe(expected)
  })

  it('refuses a signature in DER', async () => {
    const payload = Uint8Array.from(PAYLOAD)
    const signed = encodeCbor(['Signature1', PROTECTED, new Uint8Array(0), payload])
    const signature = new Uint8Array(sign('sha384', signed, privateKey))
    expect(await refusedWith(message({ signature }))).toBe('ERR_COSE_SIGNATURE_LENGTH')
  })

  it('says of critical headers that they are critical', async () => {
    const protectedHeader = header([1, -35], [2, [1]])
    expect((await refusal(() => parse(message({ protectedHeader })))).message).toContain('critical')
  })

  it('names the algorithm without letting it drive a terminal or fill a log', async () => {
    const { message: told } = await refusal(() =>
      parse(message({ protectedHeader: header([1, `\u001b[2J${'x'.repeat(9000)}`]) })),
    )
    expect(told).toContain('"\\u{1b}[2Jxxx')
    expect(told.length).toBeLessThan(200)
    const bytes = message({ protectedHeader: header([1, new Uint8Array(9000)]) })
    expect((await refusal(() => parse(bytes))).message.length).toBeLessThan(200)
  })
})

describe.each([
  ['ES256', 'prime256v1', '26', 'sha256', 64],
  ['ES384', 'secp384r1', '3822', 'sha384', 96],
  ['ES512', 'secp521r1', '3823', 'sha512', 132],
] as const)('a message of %s, where that is asked for', (algorithm, namedCurve, identifier, hash, length) => {
  const keys = generateKeyPairSync('ec', { namedCurve })
  const bytes = signSign1(Uint8Array.from(PAYLOAD), keys.privateKey, algorithm)
  const others = (['ES256', 'ES384', 'ES512'] as const).filter((other) => other !== algorithm)

  it('names it, and signs with its hash', () => {
    const { protectedHeader, signature } = parseSign1(bytes, 16_384, algorithm)
    expect(Buffer.from(protectedHeader).toString('hex')).toBe(`a101${identifier}`)
    expect(signature).toHaveLength(length)
    const signed = encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), Uint8Array.from(PAYLOAD)])
    expect(verify(hash, signed, { key: keys.publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
  })

  it('verifies under its key only', async () => {
    const message = parseSign1(bytes, 16_384, algorithm)
    expect(() => verifySign1(message, keys.publicKey, algorithm)).not.toThrow()
    const other = generateKeyPairSync('ec', { namedCurve })
    expect(await code(() => verifySign1(message, other.publicKey, algorithm))).toBe('ERR_COSE_SIGNATURE')
  })

  it.each(others)('is refused where %s is', async (other) => {
    expect(await code(() => parseSign1(bytes, 16_384, other))).toBe('ERR_COSE_ALGORITHM')
  })

  it('is the algorithm of its curve', () => {
    expect(coseAlgorithmOf(keys.publicKey)).toBe(algorithm)
    expect(coseAlgorithmOf(keys.privateKey)).toBe(algorithm)
  })
})

it.each([
  ['another curve', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey],
  ['Ed25519', generateKeyPairSync('ed25519').publicKey],
  ['HMAC', createSecretKey(new Uint8Array(48))],
])('there is no algorithm for a key of %s', (_, key) => {
  expect(coseAlgorithmOf(key)).toBeUndefined()
})
