/** The outside of a certificate, which nobody signs: its parts, its algorithm, its ECDSA-Sig-Value. */
import { KeyObject, sign } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Asn1Value, constructed, primitive, TAG } from '../../../shared/asn1.js'
import { readBer, writeDer } from '../../../shared/ber.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { buildChain, type Chain, keysOf } from '../../support/certificates.js'
import { hex, verdictUnder } from './verdict.js'

const MALFORMED = 'ERR_CERTIFICATE_MALFORMED'
const SIGNATURE = 'ERR_CERTIFICATE_SIGNATURE'
/** The order of P-384 (SEC 2, section 2.5.1). */
const ORDER = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
)

let chain: Chain
/** The key of the instance, which signed the leaf. */
let issuer: KeyObject
beforeAll(async () => {
  chain = await buildChain()
  issuer = KeyObject.from((await keysOf('instance')).privateKey)
})

interface Parts {
  readonly tbs: Asn1Value
  readonly algorithm: Asn1Value
  readonly signature: Asn1Value
}

function parts(): Parts {
  const [tbs, algorithm, signature] = readBer(chain.certificate).children
  if (tbs === undefined || algorithm === undefined || signature === undefined)
    throw new Error('no certificate')
  return { tbs, algorithm, signature }
}

const joined = ({ tbs, algorithm, signature }: Parts, ...more: Asn1Value[]): Uint8Array =>
  writeDer(constructed(TAG.SEQUENCE, [tbs, algorithm, signature, ...more]))

const named = (algorithm: string, ...parameters: Asn1Value[]): Asn1Value =>
  constructed(TAG.SEQUENCE, [primitive(TAG.OBJECT_IDENTIFIER, hex(algorithm)), ...parameters])

/** The leaf with another ECDSA-Sig-Value. */
const resigned = (signature: Uint8Array): Uint8Array =>
  joined({ ...parts(), signature: primitive(TAG.BIT_STRING, Uint8Array.from([0, ...signature])) })

/** r and s of the leaf's signature. */
function numbers(): [bigint, bigint] {
  const [r = 0n, s = 0n] = readBer(parts().signature.content.subarray(1)).children.map(({ content }) =>
    BigInt(`0x${Buffer.from(content).toString('hex')}`),
  )
  return [r, s]
}

const fixed = (number: bigint): Uint8Array => hex(number.toString(16).padStart(96, '0'))
const positive = (number: bigint): Asn1Value => {
  const digits = number.toString(16)
  const whole = hex(digits.padStart(digits.length + (digits.length % 2), '0'))
  return primitive(TAG.INTEGER, (whole[0] ?? 0) >= 0x80 ? Uint8Array.from([0, ...whole]) : whole)
}
const pair = (...values: bigint[]): Uint8Array => writeDer(constructed(TAG.SEQUENCE, values.map(positive)))
/** Written by hand: a writer of DER would shorten them. */
function pairOf(...contents: Uint8Array[]): Uint8Array {
  const body = contents.flatMap((content) => [TAG.INTEGER, content.length, ...content])
  return Uint8Array.from([0x30, body.length, ...body])
}

function judge(rows: readonly (readonly [string, () => Uint8Array, ErrorCode])[]): void {
  it.each(rows)('%s', async (_, certificate, code) => {
    expect(await verdictUnder({ ...chain, certificate: certificate() })).toBe(code)
    expect(await verdictUnder({ ...chain, certificate: joined(parts()) })).toBe('accepted')
  })
}

describe('the three parts', () => {
  const body = () => Buffer.concat(readBer(chain.certificate).children.map(writeDer))
  judge([
    ['two parts', () => writeDer(constructed(TAG.SEQUENCE, [parts().tbs, parts().algorithm])), MALFORMED],
    ['four parts', () => joined(parts(), primitive(TAG.NULL, hex(''))), MALFORMED],
    [
      'a certificate that is a set',
      () => Uint8Array.from([0x31, ...chain.certificate.subarray(1)]),
      MALFORMED,
    ],
    ['a byte after the certificate', () => Uint8Array.from([...chain.certificate, 0]), MALFORMED],
    [
      'the certificate twice',
      () => Uint8Array.from([...chain.certificate.subarray(0, 500), ...chain.certificate.subarray(0, 500)]),
      MALFORMED,
    ],
    ['a certificate cut short by a byte', () => chain.certificate.subarray(0, -1), MALFORMED],
    ['an indefinite length', () => Uint8Array.from([0x30, 0x80, ...body(), 0, 0]), MALFORMED],
    [
      'a length in three bytes',
      () => Uint8Array.from([0x30, 0x83, 0, body().length >> 8, body().length & 0xff, ...body()]),
      MALFORMED,
    ],
    ['PEM in place of DER', () => Buffer.from('-----BEGIN CERTIFICATE-----\n'), MALFORMED],
    [
      'ecdsa-with-SHA256 outside alone',
      () => joined({ ...parts(), algorithm: named('2a8648ce3d040302') }),
      'ERR_CERTIFICATE_ALGORITHM',
    ],
    [
      'ecdsa-with-SHA512 outside alone',
      () => joined({ ...parts(), algorithm: named('2a8648ce3d040304') }),
      'ERR_CERTIFICATE_ALGORITHM',
    ],
    [
      'parameters of the algorithm outside alone',
      () => joined({ ...parts(), algorithm: named('2a8648ce3d040303', primitive(TAG.NULL, hex(''))) }),
      MALFORMED,
    ],
    [
      'a signature that is a string of bytes',
      () => joined({ ...parts(), signature: primitive(TAG.OCTET_STRING, parts().signature.content) }),
      MALFORMED,
    ],
    [
      'a signature of no bytes',
      () => joined({ ...parts(), signature: primitive(TAG.BIT_STRING, hex('00')) }),
      MALFORMED,
    ],
    [
      'a signature with an unused bit',
      () =>
        joined({
          ...parts(),
          signature: primitive(
            TAG.BIT_STRING,
            Uint8Array.from([1, ...parts().signature.content.subarray(1, -1), 0]),
          ),
        }),
      MALFORMED,
    ],
  ])
})

describe('the signature (RFC 3279, section 2.2.3)', () => {
  judge([
    ['a signature in the form r || s', () => resigned(Buffer.concat(numbers().map(fixed))), MALFORMED],
    [
      'a signature that is a set',
      () => resigned(writeDer(constructed(TAG.SET, numbers().map(positive)))),
      MALFORMED,
    ],
    ['one number', () => resigned(pair(numbers()[0])), MALFORMED],
    ['three numbers', () => resigned(pair(...numbers(), 1n)), MALFORMED],
    ['no numbers', () => resigned(pair()), MALFORMED],
    [
      'numbers that are strings of bytes',
      () =>
        resigned(
          writeDer(
            constructed(
              TAG.SEQUENCE,
              numbers().map((n) => primitive(TAG.OCTET_STRING, fixed(n))),
            ),
          ),
        ),
      MALFORMED,
    ],
    ['a negative r', () => resigned(pairOf(hex('ff'), fixed(numbers()[1]))), MALFORMED],
    ['an r with a zero too many', () => resigned(pairOf(hex('0001'), hex('01'))), MALFORMED],
    ['an r without bytes', () => resigned(pairOf(hex(''), hex('01'))), MALFORMED],
    ['an r of 49 bytes', () => resigned(pair(1n << 384n, numbers()[1])), MALFORMED],
    ['bytes after the numbers', () => resigned(Uint8Array.from([...pair(...numbers()), 0])), MALFORMED],
    [
      'a length of the numbers longer than needed',
      () => resigned(Uint8Array.from([0x30, 0x81, ...pair(...numbers()).subarray(1)])),
      MALFORMED,
    ],
    [
      'an indefinite length of the numbers',
      () => resigned(Uint8Array.from([0x30, 0x80, ...pair(...numbers()).subarray(2), 0, 0])),
      MALFORMED,
    ],
    ['r = 0', () => resigned(pair(0n, numbers()[1])), SIGNATURE],
    ['s = 0', () => resigned(pair(numbers()[0], 0n)), SIGNATURE],
    ['r = s = 0', () => resigned(pair(0n, 0n)), SIGNATURE],
    ['r = n', () => resigned(pair(ORDER, numbers()[1])), SIGNATURE],
    ['s = n', () => resigned(pair(numbers()[0], ORDER)), SIGNATURE],
    ['r = s = 1', () => resigned(pair(1n, 1n)), SIGNATURE],
    ['r and s exchanged', () => resigned(pair(...numbers().toReversed())), SIGNATURE],
    ['a signature over SHA-256', () => resigned(sign('sha256', writeDer(parts().tbs), issuer)), SIGNATURE],
    [
      'a signature by the leaf itself',
      () => resigned(sign('sha384', writeDer(parts().tbs), chain.leafKey)),
      SIGNATURE,
    ],
  ])

  it('is accepted as r, s and as r, n - s: neither names another certificate', async () => {
    const [r, s] = numbers()
    expect(await verdictUnder({ ...chain, certificate: resigned(pair(r, ORDER - s)) })).toBe('accepted')
  })
})
