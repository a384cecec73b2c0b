import { describe, expect, it } from 'vitest'
import { parseAttestation } from '../../../shared/attestation/document.js'
import { MAX_DOCUMENT_LENGTH } from '../../../shared/attestation/document-fields.js'
import type { CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { type Fields, PCRS, payload, unsigned, ZERO_PCRS } from '../../support/attestations.js'
import { NOW } from '../../support/certificates.js'
import { code, refusal } from '../../support/errors.js'

const read = (fields: Fields) => parseAttestation(unsigned(fields)).document
const refusedWith = (fields: Fields) => code(() => read(fields))

describe('a document', () => {
  it('is read with all its fields', () => {
    const of = (byte: number) => new Uint8Array(10).fill(byte)
    const document = read({ public_key: of(1), user_data: of(2), nonce: of(3) })
    expect(document).toEqual({
      moduleId: 'i-0123456789abcdef0-enc0123456789abcdef',
      digest: 'SHA384',
      timestamp: NOW,
      pcrs: PCRS,
      certificate: new Uint8Array(600),
      cabundle: [new Uint8Array(500)],
      publicKey: of(1),
      userData: of(2),
      nonce: of(3),
      debugMode: false,
    })
  })

  it('is read from a map of indefinite length', () => {
    const definite = payload()
    const indefinite = Uint8Array.from([0xbf, ...definite.subarray(1), 0xff])
    expect(parseAttestation(unsigned(indefinite)).document).toEqual(parseAttestation(unsigned()).document)
  })

  it('may have fields that nobody here knows', () => {
    expect(read({ future_field: [1, 2, 3] }).moduleId).toContain('i-')
  })

  it('does not change with the bytes that it was read from', () => {
    const bytes = unsigned({ nonce: Uint8Array.of(1, 2, 3) })
    const { document } = parseAttestation(bytes)
    bytes.fill(0)
    expect(document.nonce).toEqual(Uint8Array.of(1, 2, 3))
    expect(document.pcrs).toEqual(PCRS)
  })

  it.each(['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'])(
    'needs %s',
    async (name) => {
      const error = await refusal(() => read({ [name]: undefined }))
      expect([error.code, error.message]).toEqual([
        'ERR_DOCUMENT_FIELD_MISSING',
        `the document has no ${name}`,
      ])
      expect(await refusedWith({ [name]: null })).toBe('ERR_DOCUMENT_FIELD_MISSING')
    },
  )

  it('of a NitroTPM is refused, whatever else it says', async () => {
    expect(await refusedWith({ nitrotpm_pcrs: PCRS, pcrs: undefined })).toBe('ERR_DOCUMENT_NITROTPM')
    expect(await refusedWith({ nitrotpm_pcrs: PCRS })).toBe('ERR_DOCUMENT_NITROTPM')
    expect(await refusedWith({ nitrotpm_pcrs: null })).toBe('ERR_DOCUMENT_NITROTPM')
  })

  it.each<[string, CborValue]>([
    ['an array', []],
    ['a text', 'pcrs'],
    ['a number', 1],
  ])('is not %s', async (_, value) => {
    expect(await code(() => parseAttestation(unsigned(encodeCbor(value))))).toBe('ERR_DOCUMENT_STRUCTURE')
  })

  it('does not have a field twice', async () => {
    const twice = Buffer.concat([
      Uint8Array.of(0xbf),
      payload().subarray(1),
      encodeCbor('nonce'),
      encodeCbor(null),
      Uint8Array.of(0xff),
    ])
    expect(await code(() => parseAttestation(unsigned(twice)))).toBe('ERR_CBOR_DUPLICATE_KEY')
  })

  it('has nothing after its payload map', async () => {
    const more = Buffer.concat([payload(), Uint8Array.of(0xf6)])
    expect(await code(() => parseAttestation(unsigned(more)))).toBe('ERR_CBOR_TRAILING_BYTES')
  })

  it('has 1 to 16,384 bytes', async () => {
    const overhead = unsigned({ more: new Uint8Array(10_000) }).length - 10_000
    const largest = unsigned({ more: new Uint8Array(MAX_DOCUMENT_LENGTH - overhead) })
    expect(largest.length).toBe(16_384)
    expect(parseAttestation(largest).document.digest).toBe('SHA384')
    expect(await code(() => parseAttestation(Buffer.concat([largest, Uint8Array.of(0)])))).toBe(
      'ERR_DOCUMENT_SIZE',
    )
    expect(await code(() => parseAttestation(new Uint8Array(0)))).toBe('ERR_DOCUMENT_SIZE')
  })
})

describe.each([
  ['public_key', 'publicKey', 'ERR_DOCUMENT_PUBLIC_KEY'],
  ['user_data', 'userData', 'ERR_DOCUMENT_USER_DATA'],
  ['nonce', 'nonce', 'ERR_DOCUMENT_NONCE'],
] as const)('%s', (name, property, expected) => {
  it('is absent when it is null or not there', () => {
    expect(property in read({ [name]: null })).toBe(false)
    expect(property in read({ [name]: undefined })).toBe(false)
  })

  it('is present when it is empty', () => {
    expect(read({ [name]: new Uint8Array(0) })[property]).toEqual(new Uint8Array(0))
  })

  it('has up to 1,024 bytes', async () => {
    expect(read({ [name]: new Uint8Array(1024) })[property]?.length).toBe(1024)
    expect(await refusedWith({ [name]: new Uint8Array(1025) })).toBe(expected)
  })

  it('is a byte string', async () => {
    expect(await refusedWith({ [name]: 'text' })).toBe(expected)
    expect(await refusedWith({ [name]: [] })).toBe(expected)
    expect(await refusedWith({ [name]: false })).toBe(expected)
  })
})

describe('module_id and digest', () => {
  it.each<[CborValue]>([[''], [1], [Uint8Array.of(0x69)]])('a module_id is not %s', async (module_id) => {
    expect(await refusedWith({ module_id })).toBe('ERR_DOCUMENT_MODULE_ID')
  })

  it.each(['SHA256', 'SHA512', 'sha384', 'SHA384 '])(
    'the digest %s is refused by its name',
    async (digest) => {
      const error = await refusal(() => read({ digest }))
      expect(error.code).toBe('ERR_DOCUMENT_DIGEST')
      expect(error.message).toContain(`"${digest}"`)
    },
  )

  it('a digest that is no text is refused', async () => {
    expect(await refusedWith({ digest: -43 })).toBe('ERR_DOCUMENT_DIGEST')
  })

  it('a hostile digest cannot drive a terminal', async () => {
    const { message } = await refusal(() => read({ digest: `\u009b31m${'x'.repeat(9000)}` }))
    expect(message).toContain('\\u{9b}31m')
    expect(message.length).toBeLessThan(200)
  })
})

describe('timestamp', () => {
  it.each<[string, CborValue]>([
    ['0', 0],
    ['negative', -1],
    ['beyond what a date holds', 8.64e15 + 1],
    ['2^64 - 1', 2n ** 64n - 1n],
    ['a text', '2026-01-01'],
    ['a byte string', Uint8Array.of(1)],
    ['an array', [NOW.getTime()]],
  ])('is not %s', async (_, timestamp) => {
    expect(await refusedWith({ timestamp })).toBe('ERR_DOCUMENT_TIMESTAMP')
  })

  it.each([0, -1])('that is %d is not taken for one in seconds', async (timestamp) => {
    const { message } = await refusal(() => read({ timestamp }))
    expect(message).toContain('after 1970')
  })

  it('may be the last millisecond that a date holds', () => {
    expect(read({ timestamp: 8.64e15 }).timestamp.getTime()).toBe(8.64e15)
  })

  it('in seconds is refused by the date that it would be', async () => {
    const { code, message } = await refusal(() => read({ timestamp: NOW.getTime() / 1000 }))
    expect(code).toBe('ERR_DOCUMENT_TIMESTAMP')
    expect(message).toContain('1970-01-21T')
  })

  it('is in milliseconds from the year 2001 on', async () => {
    expect(await refusedWith({ timestamp: 1e12 - 1 })).toBe('ERR_DOCUMENT_TIMESTAMP')
    expect(read({ timestamp: 1e12 }).timestamp.toISOString()).toBe('2001-09-09T01:46:40.000Z')
  })
})

describe('pcrs', () => {
  const with_ = (index: number | bigint | string, value: CborValue) => ({
    pcrs: new Map<number | bigint | string, CborValue>([...PCRS, [index, value]]),
  })
  const register = new Uint8Array(48)

  it.each([0, 31])('may have register %i', (index) => {
    expect(read({ pcrs: new Map([[index, register]]) }).pcrs).toEqual(new Map([[index, register]]))
  })

  it.each([32, 48, 64])('may have registers of %i bytes', (length) => {
    expect(read(with_(16, new Uint8Array(length))).pcrs.get(16)?.length).toBe(length)
  })

  it('may be all 32', () => {
    const pcrs = new Map(Array.from({ length: 32 }, (_, index) => [index, register]))
    expect(read({ pcrs }).pcrs.size).toBe(32)
  })

  it.each<[string, Fields]>([
    ['register 32', with_(32, register)],
    ['register -1', with_(-1, register)],
    ['register 2^60', with_(2n ** 60n, register)],
    ['a register with a text for its index', with_('16', register)],
    ['a register of no bytes', with_(16, new Uint8Array(0))],
    ['a register of 47 bytes', with_(16, new Uint8Array(47))],
    ['a register of 49 bytes', with_(16, new Uint8Array(49))],
    ['a register that is text', with_(16, 'a'.repeat(48))],
    ['a register that is null', with_(16, null)],
    ['33 registers', { pcrs: new Map(Array.from({ length: 33 }, (_, index) => [index, register])) }],
    ['no registers', { pcrs: new Map() }],
    ['an array', { pcrs: [register] }],
  ])('does not have %s', async (_, fields) => {
    expect(await refusedWith(fields)).toBe('ERR_DOCUMENT_PCRS')
  })

  it.each<[string, Fields]>([
    ['pcrs is not a map of registers', { pcrs: new Map() }],
    ['a PCR index is not a number from 0 to 31', with_(32, register)],
    ['PCR16 is not a byte string of 32, 48 or 64 bytes', with_(16, new Uint8Array(47))],
  ])('are refused with what is wrong: %s', async (words, fields) => {
    const { message } = await refusal(() => read(fields))
    expect(message).toContain(words)
  })
})

describe('debug mode', () => {
  it('is PCR0, PCR1 and PCR2 all zero, whatever the others are', () => {
    expect(read({ pcrs: ZERO_PCRS }).debugMode).toBe(true)
  })

  it.each([0, 1, 2])('is not when PCR%i has a measurement', (index) => {
    const last = new Uint8Array(48)
    last[47] = 1
    expect(read({ pcrs: new Map([...ZERO_PCRS, [index, last]]) }).debugMode).toBe(false)
  })

  it('is assumed where none of the three registers stands', () => {
    expect(read({ pcrs: new Map([[4, new Uint8Array(48).fill(4)]]) }).debugMode).toBe(true)
  })
})

describe('certificates', () => {
  it.each<[string, CborValue]>([
    ['empty', new Uint8Array(0)],
    ['of 1,025 bytes', new Uint8Array(1025)],
    ['a text', '-----BEGIN CERTIFICATE-----'],
  ])('are not %s', async (_, value) => {
    expect(await refusedWith({ certificate: value })).toBe('ERR_DOCUMENT_CERTIFICATE')
    expect(await refusedWith({ cabundle: [new Uint8Array(500), value] })).toBe('ERR_DOCUMENT_CABUNDLE')
  })

  it('may have 1,024 bytes', () => {
    expect(read({ certificate: new Uint8Array(1024) }).certificate.length).toBe(1024)
  })

  it.each<[string, CborValue]>([
    ['empty', []],
    ['one certificate without an array', new Uint8Array(500)],
    ['a map', new Map([[0, new Uint8Array(500)]])],
    ['an array of null', [null]],
  ])('stand in a cabundle that is not %s', async (_, cabundle) => {
    expect(await refusedWith({ cabundle })).toBe('ERR_DOCUMENT_CABUNDLE')
  })
})
