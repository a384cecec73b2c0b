/** COSE_Sign1 (RFC 9052, RFC 9053), wrong in one thing each, and signed over what it says wherever that can be. */
import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { payload as documentWith } from '../../support/attestations.js'
import { buildChain, type Chain } from '../../support/certificates.js'
import { ES384, type Sealing, sealed, signatureOver } from './sealed.js'
import { hex, verdictOn } from './verdict.js'

const ORDER =
  'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'
const ZERO = '00'.repeat(48)

let chain: Chain
let payload: Uint8Array
beforeAll(async () => {
  chain = await buildChain()
  payload = documentWith({ certificate: chain.certificate, cabundle: chain.cabundle })
})

function judge(rows: readonly (readonly [string, () => Uint8Array, ErrorCode])[]): void {
  it.each(rows)('%s', async (_, message, code) => {
    expect(await verdictOn(message(), chain.root)).toBe(code)
    expect(await verdictOn(sealed(payload, chain), chain.root)).toBe('accepted')
  })
}

const joined = (...parts: (Uint8Array | string)[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? hex(part) : part))))
const message = (...parts: CborValue[]): Uint8Array => encodeCbor(parts)
const signature = (): Uint8Array => signatureOver(payload, chain)

describe('the array of four (section 4.2)', () => {
  judge([
    ['a map', () => encodeCbor(new Map()), 'ERR_COSE_STRUCTURE'],
    ['bytes', () => encodeCbor(sealed(payload, chain)), 'ERR_COSE_STRUCTURE'],
    ['three parts', () => message(ES384, new Map(), payload), 'ERR_COSE_STRUCTURE'],
    ['five parts', () => message(ES384, new Map(), payload, signature(), null), 'ERR_COSE_STRUCTURE'],
    ['an array in an array', () => message([ES384, new Map(), payload, signature()]), 'ERR_COSE_STRUCTURE'],
    [
      'a protected header that is a map',
      () => message(new Map([[1, -35]]), new Map(), payload, signature()),
      'ERR_COSE_STRUCTURE',
    ],
    [
      'a protected header that is null',
      () => message(null, new Map(), payload, signature()),
      'ERR_COSE_STRUCTURE',
    ],
    [
      'an unprotected header that is bytes',
      () => message(ES384, hex('a0'), payload, signature()),
      'ERR_COSE_STRUCTURE',
    ],
    [
      'an unprotected header that is an array',
      () => message(ES384, [], payload, signature()),
      'ERR_COSE_STRUCTURE',
    ],
    ['a payload that is not there', () => message(ES384, new Map(), null, signature()), 'ERR_COSE_STRUCTURE'],
    ['a payload of no bytes', () => sealed(hex(''), chain), 'ERR_COSE_STRUCTURE'],
    [
      'a payload that is a map',
      () => message(ES384, new Map(), new Map(), signature()),
      'ERR_COSE_STRUCTURE',
    ],
    ['a signature that is null', () => message(ES384, new Map(), payload, null), 'ERR_COSE_STRUCTURE'],
    [
      'a signature that is two',
      () => message(ES384, new Map(), payload, [signature()]),
      'ERR_COSE_STRUCTURE',
    ],
    [
      'header and unprotected header exchanged',
      () => message(new Map(), ES384, payload, signature()),
      'ERR_COSE_STRUCTURE',
    ],
  ])
})

describe('tags and what follows (section 2)', () => {
  judge([
    ['tag 18 twice', () => joined('d2d2', sealed(payload, chain)), 'ERR_CBOR_TAG'],
    ['tag 18 in two bytes', () => joined('d812', sealed(payload, chain)), 'ERR_CBOR_TAG'],
    ['tag 17, COSE_Mac0', () => joined('d1', sealed(payload, chain)), 'ERR_CBOR_TAG'],
    ['tag 98, COSE_Sign', () => joined('d862', sealed(payload, chain)), 'ERR_CBOR_TAG'],
    ['the tag of a CBOR Web Token', () => joined('d83d', sealed(payload, chain)), 'ERR_CBOR_TAG'],
    ['the tag of self-described CBOR', () => joined('d9d9f7', sealed(payload, chain)), 'ERR_CBOR_TAG'],
    ['a byte after the message', () => joined(sealed(payload, chain), '00'), 'ERR_CBOR_TRAILING_BYTES'],
    [
      'the message twice',
      () => joined(sealed(payload, chain), sealed(payload, chain)),
      'ERR_CBOR_TRAILING_BYTES',
    ],
    [
      'the payload in chunks',
      () =>
        joined(
          '8444a1013822a0',
          '5f59',
          hex(payload.length.toString(16).padStart(4, '0')),
          payload,
          'ff5860',
          signature(),
        ),
      'ERR_CBOR_INDEFINITE_STRING',
    ],
    [
      'a length of the signature longer than needed',
      () =>
        joined(
          '8444a1013822a059',
          hex(payload.length.toString(16).padStart(4, '0')),
          payload,
          '590060',
          signature(),
        ),
      'ERR_CBOR_NON_MINIMAL',
    ],
  ])

  it('tag 18 once, and an array of indefinite length, say the same', async () => {
    const indefinite = joined('9f', sealed(payload, chain).subarray(1), 'ff')
    expect(await verdictOn(joined('d2', sealed(payload, chain)), chain.root)).toBe('accepted')
    expect(await verdictOn(indefinite, chain.root)).toBe('accepted')
  })
})

describe('the protected header (section 3)', () => {
  const header = (text: string) => () => sealed(payload, chain, { header: hex(text) })
  judge([
    ['no bytes, which stand for an empty map', header(''), 'ERR_COSE_ALGORITHM'],
    ['an empty map', header('a0'), 'ERR_COSE_ALGORITHM'],
    ['ES256', header('a10126'), 'ERR_COSE_ALGORITHM'],
    ['ES512', header('a1013823'), 'ERR_COSE_ALGORITHM'],
    ['ES256K', header('a101382e'), 'ERR_COSE_ALGORITHM'],
    ['ESP384, the same curve and hash by another number', header('a1013832'), 'ERR_COSE_ALGORITHM'],
    ['PS384', header('a1013825'), 'ERR_COSE_ALGORITHM'],
    ['HMAC 384', header('a10106'), 'ERR_COSE_ALGORITHM'],
    ['ES384 by its name', header('a101654553333834'), 'ERR_COSE_ALGORITHM'],
    ['ES384 in an array', header('a101813822'), 'ERR_COSE_ALGORITHM'],
    ['an algorithm that is null', header('a101f6'), 'ERR_COSE_ALGORITHM'],
    ['an algorithm at the label "1"', header('a161313822'), 'ERR_COSE_ALGORITHM'],
    ['ES384 longer than needed', header('a101390022'), 'ERR_CBOR_NON_MINIMAL'],
    ['the label of the algorithm longer than needed', header('a118013822'), 'ERR_CBOR_NON_MINIMAL'],
    ['the algorithm twice', header('a2013822013822'), 'ERR_CBOR_DUPLICATE_KEY'],
    ['two algorithms', header('a20138220126'), 'ERR_CBOR_DUPLICATE_KEY'],
    ['a byte after the map', header('a101382200'), 'ERR_CBOR_TRAILING_BYTES'],
    ['a map in bytes in bytes', header('44a1013822'), 'ERR_COSE_STRUCTURE'],
    ['an array', header('82013822'), 'ERR_COSE_STRUCTURE'],
    ['a map cut short', header('a101'), 'ERR_CBOR_TRUNCATED'],
    ['a tag on the map', header('d2a1013822'), 'ERR_CBOR_TAG'],
    ['critical parameters', header('a20138220281182a'), 'ERR_COSE_HEADER'],
    ['critical parameters, none of them', header('a20138220280'), 'ERR_COSE_HEADER'],
    ['a key identifier', header('a2013822044131'), 'ERR_COSE_HEADER'],
    ['a content type', header('a20138220300'), 'ERR_COSE_HEADER'],
    ['a chain of certificates', header('a201382218214100'), 'ERR_COSE_HEADER'],
  ])
})

describe('the unprotected header (section 3)', () => {
  const unprotected =
    (...entries: [number | string, CborValue][]) =>
    () =>
      message(ES384, new Map(entries), payload, signature())
  judge([
    ['an algorithm that is not protected', unprotected([1, -35]), 'ERR_COSE_HEADER'],
    [
      'an algorithm in the unprotected header alone',
      () =>
        message(
          hex('a0'),
          new Map([[1, -35]]),
          payload,
          signatureOver(payload, chain, { header: hex('a0') }),
        ),
      'ERR_COSE_HEADER',
    ],
    ['a key identifier that is not protected', unprotected([4, hex('31')]), 'ERR_COSE_HEADER'],
    ['a chain that is not protected', unprotected([33, hex('00')]), 'ERR_COSE_HEADER'],
    ['a parameter with a name', unprotected(['x', 1]), 'ERR_COSE_HEADER'],
  ])
})

describe('the signature (section 4.4; RFC 9053, section 2.1)', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const over = (sealing: Sealing) => () =>
    message(ES384, new Map(), payload, signatureOver(payload, chain, sealing))
  const written = (change: (bytes: Uint8Array) => Uint8Array | string) => () => {
    const changed = change(signature())
    return message(ES384, new Map(), payload, typeof changed === 'string' ? hex(changed) : changed)
  }
  judge([
    ['a signature of 95 bytes', written((bytes) => bytes.subarray(1)), 'ERR_COSE_SIGNATURE_LENGTH'],
    [
      'a signature of 97 bytes',
      written((bytes) => Uint8Array.from([0, ...bytes])),
      'ERR_COSE_SIGNATURE_LENGTH',
    ],
    [
      'a signature of 64 bytes, as of ES256',
      written((bytes) => bytes.subarray(32)),
      'ERR_COSE_SIGNATURE_LENGTH',
    ],
    ['a signature of no bytes', written(() => ''), 'ERR_COSE_SIGNATURE_LENGTH'],
    [
      'r and s exchanged',
      written((bytes) => Uint8Array.from([...bytes.subarray(48), ...bytes.subarray(0, 48)])),
      'ERR_COSE_SIGNATURE',
    ],
    ['r = 0', written((bytes) => ZERO + Buffer.from(bytes).toString('hex').slice(96)), 'ERR_COSE_SIGNATURE'],
    [
      's = 0',
      written((bytes) => Buffer.from(bytes).toString('hex').slice(0, 96) + ZERO),
      'ERR_COSE_SIGNATURE',
    ],
    ['r = s = 0', written(() => ZERO + ZERO), 'ERR_COSE_SIGNATURE'],
    ['r = n', written((bytes) => ORDER + Buffer.from(bytes).toString('hex').slice(96)), 'ERR_COSE_SIGNATURE'],
    [
      's = n',
      written((bytes) => Buffer.from(bytes).toString('hex').slice(0, 96) + ORDER),
      'ERR_COSE_SIGNATURE',
    ],
    ['r = s = n', written(() => ORDER + ORDER), 'ERR_COSE_SIGNATURE'],
    ['all ones', written(() => 'ff'.repeat(96)), 'ERR_COSE_SIGNATURE'],
    [
      'a signature of another key',
      () => sealed(payload, { ...chain, leafKey: other.privateKey }),
      'ERR_COSE_SIGNATURE',
    ],
    ['a signature over SHA-256', over({ hash: 'sha256' }), 'ERR_COSE_SIGNATURE'],
    ['a signature over SHA-512', over({ hash: 'sha512' }), 'ERR_COSE_SIGNATURE'],
    ['a signature in the context of COSE_Sign', over({ context: 'Signature' }), 'ERR_COSE_SIGNATURE'],
    [
      'a signature in the context of a countersignature',
      over({ context: 'CounterSignature' }),
      'ERR_COSE_SIGNATURE',
    ],
    ['a signature over external data', over({ external: hex('00') }), 'ERR_COSE_SIGNATURE'],
    ['a signature over another header', over({ header: hex('bf013822ff') }), 'ERR_COSE_SIGNATURE'],
    [
      'a signature over another payload',
      () =>
        message(
          ES384,
          new Map(),
          documentWith({ certificate: chain.certificate, cabundle: chain.cabundle, nonce: hex('00') }),
          signature(),
        ),
      'ERR_COSE_SIGNATURE',
    ],
  ])

  it('is accepted as r, s and as r, n - s: the bytes of a document are no key against replay', async () => {
    const bytes = signature()
    const high = BigInt(`0x${ORDER}`) - BigInt(`0x${Buffer.from(bytes.subarray(48)).toString('hex')}`)
    const twin = joined(bytes.subarray(0, 48), high.toString(16).padStart(96, '0'))
    expect(await verdictOn(message(ES384, new Map(), payload, bytes), chain.root)).toBe('accepted')
    expect(await verdictOn(message(ES384, new Map(), payload, twin), chain.root)).toBe('accepted')
  })
})
