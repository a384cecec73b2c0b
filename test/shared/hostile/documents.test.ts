/** Attestation documents that are genuinely signed and wrong in one thing (aws-nitro-enclaves-nsm-api, section 3.2.2). */
import { beforeAll, describe, expect, it } from 'vitest'
import type { CborKey, CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { type Fields, PCRS, payload, signedBy } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'
import { sealed } from './sealed.js'
import { hex, verdictOn } from './verdict.js'

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

/** What it is, the fields that are refused, the code, and fields that differ in that one thing. */
type Row = readonly [name: string, refused: Fields, code: ErrorCode, accepted?: Fields]

function judge(rows: readonly Row[]): void {
  const cases = rows.map(([name, refused, code, accepted = {}]) => [name, refused, code, accepted] as const)
  it.each(cases)('%s', async (_, refused, code, accepted) => {
    expect(await verdictOn(signedBy(chain, refused), chain.root)).toBe(code)
    expect(await verdictOn(signedBy(chain, accepted), chain.root)).toBe('accepted')
  })
}

describe('fields that must be there', () => {
  const names = ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle']
  judge([
    ...names.map((name): Row => [`no ${name}`, { [name]: undefined }, 'ERR_DOCUMENT_FIELD_MISSING']),
    ...names.map((name): Row => [`${name} that is null`, { [name]: null }, 'ERR_DOCUMENT_FIELD_MISSING']),
    ['PCRs in capitals', { pcrs: undefined, PCRS }, 'ERR_DOCUMENT_FIELD_MISSING', { PCRS }],
  ])
})

describe('module_id, digest and timestamp', () => {
  judge([
    ['an empty module_id', { module_id: '' }, 'ERR_DOCUMENT_MODULE_ID', { module_id: 'i' }],
    ['a module_id of bytes', { module_id: hex('69') }, 'ERR_DOCUMENT_MODULE_ID', { module_id: 'i' }],
    ['the digest SHA256', { digest: 'SHA256' }, 'ERR_DOCUMENT_DIGEST', { digest: 'SHA384' }],
    ['the digest SHA512', { digest: 'SHA512' }, 'ERR_DOCUMENT_DIGEST'],
    ['the digest sha384', { digest: 'sha384' }, 'ERR_DOCUMENT_DIGEST'],
    ['the digest SHA384 and a blank', { digest: 'SHA384 ' }, 'ERR_DOCUMENT_DIGEST'],
    ['a digest of bytes', { digest: hex('534841333834') }, 'ERR_DOCUMENT_DIGEST'],
    ['the timestamp 0', { timestamp: 0 }, 'ERR_DOCUMENT_TIMESTAMP', { timestamp: NOW.getTime() }],
    ['a timestamp before 1970', { timestamp: -1 }, 'ERR_DOCUMENT_TIMESTAMP'],
    ['a timestamp that no date holds', { timestamp: 8_640_000_000_000_001 }, 'ERR_DOCUMENT_TIMESTAMP'],
    ['a timestamp of 2^63', { timestamp: 2n ** 63n }, 'ERR_DOCUMENT_TIMESTAMP'],
    ['a timestamp of text', { timestamp: NOW.toISOString() }, 'ERR_DOCUMENT_TIMESTAMP'],
    ['a timestamp in seconds', { timestamp: NOW.getTime() / 1000 }, 'ERR_DOCUMENT_TIMESTAMP'],
    ['a timestamp in microseconds', { timestamp: NOW.getTime() * 1000 }, 'ERR_POLICY_FUTURE'],
  ])
})

describe('pcrs', () => {
  const register = new Uint8Array(48).fill(7)
  const more = (index: CborKey, value: CborValue): Fields => ({
    pcrs: new Map<CborKey, CborValue>([...PCRS, [index, value]]),
  })
  const many = (count: number): Fields => ({
    pcrs: new Map(Array.from({ length: count }, (_, index) => [index, register])),
  })
  const refused = (name: string, fields: Fields, accepted: Fields = more(31, register)): Row => [
    name,
    fields,
    'ERR_DOCUMENT_PCRS',
    accepted,
  ]
  judge([
    refused('no registers', { pcrs: new Map() }, many(1)),
    refused('33 registers', many(33), many(32)),
    refused('register 32', more(32, register)),
    refused('register -1', more(-1, register)),
    refused('register 2^32', more(2 ** 32, register)),
    refused('register 2^64 - 1', more(2n ** 64n - 1n, register)),
    refused('register "16"', more('16', register)),
    refused('a register of 0 bytes', more(16, hex(''))),
    refused('a register of 31 bytes', more(16, new Uint8Array(31)), more(16, new Uint8Array(32))),
    refused('a register of 47 bytes', more(16, new Uint8Array(47)), more(16, new Uint8Array(48))),
    refused('a register of 65 bytes', more(16, new Uint8Array(65)), more(16, new Uint8Array(64))),
    refused('a register in hex', more(16, '00'.repeat(48))),
    refused('a register that is null', more(16, null)),
    refused('a register that is an array', more(16, [register])),
    refused('an array of registers', { pcrs: Array.from({ length: 16 }, () => register) }),
    ['registers of a NitroTPM', { pcrs: undefined, nitrotpm_pcrs: PCRS }, 'ERR_DOCUMENT_NITROTPM'],
    ['registers of both', { nitrotpm_pcrs: PCRS }, 'ERR_DOCUMENT_NITROTPM'],
    [
      'registers of a NitroTPM that are null',
      { nitrotpm_pcrs: null },
      'ERR_DOCUMENT_NITROTPM',
      { nitrotpm: null },
    ],
  ])
})

describe('certificate and cabundle', () => {
  const certificate = (name: string, value: CborValue): Row => [
    name,
    { certificate: value },
    'ERR_DOCUMENT_CERTIFICATE',
  ]
  const cabundle = (name: string, value: CborValue): Row => [
    name,
    { cabundle: value },
    'ERR_DOCUMENT_CABUNDLE',
  ]
  judge([
    certificate('a certificate of no bytes', hex('')),
    certificate('a certificate of 1,025 bytes', new Uint8Array(1025)),
    certificate('a certificate in PEM', '-----BEGIN CERTIFICATE-----'),
    certificate('a certificate in an array', [new Uint8Array(500)]),
    cabundle('an empty cabundle', []),
    cabundle('a cabundle that is one certificate', new Uint8Array(500)),
    cabundle('a cabundle that is a map', new Map([[0, new Uint8Array(500)]])),
    cabundle('a cabundle with a null', [new Uint8Array(500), null]),
    cabundle('a cabundle with an empty certificate', [new Uint8Array(500), hex('')]),
    cabundle('a cabundle with a certificate of 1,025 bytes', [new Uint8Array(1025)]),
    cabundle('a cabundle in a cabundle', [[new Uint8Array(500)]]),
  ])
})

describe('public_key, user_data and nonce', () => {
  const fields = [
    ['public_key', 'ERR_DOCUMENT_PUBLIC_KEY'],
    ['user_data', 'ERR_DOCUMENT_USER_DATA'],
    ['nonce', 'ERR_DOCUMENT_NONCE'],
  ] as const
  judge(
    fields.flatMap(([name, code]): Row[] => [
      [`a ${name} of 1,025 bytes`, { [name]: new Uint8Array(1025) }, code, { [name]: new Uint8Array(1024) }],
      [`a ${name} of text`, { [name]: 'text' }, code, { [name]: hex('') }],
      [`a ${name} that is 0`, { [name]: 0 }, code, { [name]: null }],
      [`a ${name} that is false`, { [name]: false }, code, { [name]: undefined }],
    ]),
  )
})

describe('the payload as a whole', () => {
  const whole = () => payload({ certificate: chain.certificate, cabundle: chain.cabundle })
  const joined = (...parts: (Uint8Array | string)[]): Uint8Array =>
    new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? hex(part) : part))))
  it.each<[string, () => Uint8Array, ErrorCode]>([
    ['an array of fields', () => encodeCbor([...PCRS.values()]), 'ERR_DOCUMENT_STRUCTURE'],
    ['bytes in bytes', () => encodeCbor(whole()), 'ERR_DOCUMENT_STRUCTURE'],
    ['JSON', () => Buffer.from('{}'), 'ERR_CBOR_TRUNCATED'],
    ['a byte after the map', () => joined(whole(), '00'), 'ERR_CBOR_TRAILING_BYTES'],
    ['a second map', () => joined(whole(), whole()), 'ERR_CBOR_TRAILING_BYTES'],
    ['a byte before the map', () => joined('00', whole()), 'ERR_CBOR_TRAILING_BYTES'],
    ['a tag on the map', () => joined('d9d9f7', whole()), 'ERR_CBOR_TAG'],
    [
      'a field twice',
      () => joined('bf', whole().subarray(1), encodeCbor('digest'), encodeCbor('SHA384'), 'ff'),
      'ERR_CBOR_DUPLICATE_KEY',
    ],
    [
      'a field twice, once longer than needed',
      () => joined('bf', whole().subarray(1), '7806646967657374', encodeCbor('SHA384'), 'ff'),
      'ERR_CBOR_NON_MINIMAL',
    ],
    ['a map without its end', () => joined('bf', whole().subarray(1)), 'ERR_CBOR_TRUNCATED'],
    ['a map of one field more than there is', () => joined('aa', whole().subarray(1)), 'ERR_CBOR_TRUNCATED'],
    [
      'a timestamp that is a float',
      () => joined('aa', whole().subarray(1), encodeCbor('x'), 'fb4278ca9dbb880000'),
      'ERR_CBOR_FLOAT',
    ],
    [
      'a field that is undefined',
      () => joined('aa', whole().subarray(1), encodeCbor('x'), 'f7'),
      'ERR_CBOR_SIMPLE_VALUE',
    ],
  ])('%s', async (_, content, code) => {
    expect(await verdictOn(sealed(content(), chain), chain.root)).toBe(code)
    expect(await verdictOn(sealed(whole(), chain), chain.root)).toBe('accepted')
  })

  it('is the same with a map of indefinite length, as hardware of 2025 writes it', async () => {
    const content = joined('bf', whole().subarray(1), 'ff')
    expect(await verdictOn(sealed(content, chain), chain.root)).toBe('accepted')
  })

  it('has 16,384 bytes at most, with its signature', async () => {
    const room = 16_384 - signedBy(chain, { more: new Uint8Array(8000) }).length + 8000
    const of = (length: number) => signedBy(chain, { more: new Uint8Array(length) })
    expect(await verdictOn(of(room), chain.root)).toBe('accepted')
    expect(await verdictOn(of(room + 1), chain.root)).toBe('ERR_DOCUMENT_SIZE')
    expect(await verdictOn(hex(''), chain.root)).toBe('ERR_DOCUMENT_SIZE')
  })
})
