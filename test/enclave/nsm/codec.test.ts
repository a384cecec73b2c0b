import { describe, expect, it } from 'vitest'
import { decodeResponse, encodeRequest, MAX_RESPONSE_LENGTH, NSM_ERRORS } from '../../../enclave/nsm/codec.js'
import type { NsmRequest, NsmResponse } from '../../../enclave/nsm/requests.js'
import type { CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { readJsonVector, withVectors } from '../../support/vectors.js'
import { refusal, thrown, variant } from './support.js'

interface Shapes {
  readonly requests: Readonly<Record<string, string>>
  readonly responses: Readonly<Record<string, string>>
}

const REQUESTS: Readonly<Record<string, NsmRequest>> = {
  DescribeNSM: { type: 'DescribeNSM' },
  GetRandom: { type: 'GetRandom' },
  'DescribePCR index 0': { type: 'DescribePCR', index: 0 },
  'DescribePCR index 31': { type: 'DescribePCR', index: 31 },
  'ExtendPCR 16 010203': { type: 'ExtendPCR', index: 16, data: Uint8Array.of(1, 2, 3) },
  'LockPCR 16': { type: 'LockPCR', index: 16 },
  'LockPCRs 32': { type: 'LockPCRs', range: 32 },
  'Attestation all null': { type: 'Attestation' },
  'Attestation u=01 n=02 p=03': {
    type: 'Attestation',
    userData: Uint8Array.of(1),
    nonce: Uint8Array.of(2),
    publicKey: Uint8Array.of(3),
  },
}

const DESCRIPTION: NsmResponse = {
  type: 'DescribeNSM',
  versionMajor: 1,
  versionMinor: 0,
  versionPatch: 0,
  moduleId: 'i-1234-enc5678',
  maxPcrs: 32,
  lockedPcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  digest: 'SHA384',
}

const RESPONSES: Readonly<Record<string, NsmResponse>> = {
  DescribeNSM: DESCRIPTION,
  DescribePCR: { type: 'DescribePCR', lock: true, data: new Uint8Array(48) },
  ExtendPCR: { type: 'ExtendPCR', data: new Uint8Array(48) },
  LockPCR: { type: 'LockPCR' },
  LockPCRs: { type: 'LockPCRs' },
  Attestation: { type: 'Attestation', document: Uint8Array.of(0x84) },
  'GetRandom(8 bytes shown; 256 real)': { type: 'GetRandom', random: new Uint8Array(8) },
}

withVectors("the API crate's shapes", (directory) => {
  const { requests, responses } = readJsonVector<Shapes>(directory, 'nsm/nsm_cbor_shapes.json')

  it.each(Object.entries(requests))('the request %s is written byte for byte', (name, hex) => {
    expect(Buffer.from(encodeRequest(request(name))).toString('hex')).toBe(hex)
  })

  const answers = Object.entries(responses).filter(([name]) => !name.startsWith('Error '))
  it.each(answers)('the response %s is read', (name, hex) => {
    expect(decodeResponse(Buffer.from(hex, 'hex'))).toEqual(RESPONSES[name])
  })

  const errors = Object.entries(responses).filter(([name]) => /^Error (?!Success)/.test(name))
  it.each(errors)('the response %s is thrown under its code', (name, hex) => {
    const error = refusal(Buffer.from(hex, 'hex'))
    const words = name.slice('Error '.length).replaceAll(/(?<=.)[A-Z]/g, '_$&')
    expect(error.code).toBe(`ERR_NSM_${words.toUpperCase()}`)
  })
})

describe('a request', () => {
  it('keeps an empty field apart from an absent one', () => {
    const absent = encodeRequest({ type: 'Attestation' })
    const empty = encodeRequest({ type: 'Attestation', nonce: new Uint8Array() })
    expect(Buffer.from(absent).includes(Buffer.from('nonce\xf6', 'latin1'))).toBe(true)
    expect(Buffer.from(empty).includes(Buffer.from('nonce\x40', 'latin1'))).toBe(true)
  })

  it('of 4,096 bytes is taken', () => {
    expect(encodeRequest({ type: 'ExtendPCR', index: 16, data: new Uint8Array(4_069) })).toHaveLength(4_096)
  })

  it('of more is refused before it reaches the module', () => {
    const error = thrown(() => encodeRequest({ type: 'ExtendPCR', index: 16, data: new Uint8Array(4_070) }))
    expect(error.code).toBe('ERR_NSM_INPUT_TOO_LARGE')
  })

  it.each([-1, 1.5, 65_536, Number.NaN, Number.POSITIVE_INFINITY])(
    'with the index %d is refused',
    (index) => {
      const error = thrown(() => encodeRequest({ type: 'DescribePCR', index }))
      expect(error).toMatchObject({
        code: 'ERR_NSM_INVALID_ARGUMENT',
        message: expect.stringMatching(/^index is not an integer/),
      })
    },
  )

  it('with a range that is no integer is refused', () => {
    const error = thrown(() => encodeRequest({ type: 'LockPCRs', range: 0.5 }))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_ARGUMENT',
      message: expect.stringMatching(/^range is not an integer/),
    })
  })
})

describe('a response', () => {
  const fields: [string, CborValue][] = [
    ['digest', 'SHA384'],
    ['locked_pcrs', DESCRIPTION.lockedPcrs],
    ['max_pcrs', 32],
    ['module_id', 'i-1234-enc5678'],
    ['version_patch', 0],
    ['version_minor', 0],
    ['version_major', 1],
  ]

  it("may bring its fields in any order, as QEMU's does", () => {
    expect(decodeResponse(variant('DescribeNSM', fields))).toEqual(DESCRIPTION)
  })

  it('may bring fields that are not known', () => {
    const more = variant('DescribeNSM', [['boot_count', 3], ...fields])
    expect(decodeResponse(more)).toEqual(DESCRIPTION)
  })

  it('may be made of maps of indefinite length', () => {
    const bytes = Buffer.concat([
      Uint8Array.of(0xbf),
      encodeCbor('GetRandom'),
      Uint8Array.of(0xbf),
      encodeCbor('random'),
      encodeCbor(Uint8Array.of(1, 2, 3)),
      Uint8Array.of(0xff, 0xff),
    ])
    expect(decodeResponse(bytes)).toEqual({ type: 'GetRandom', random: Uint8Array.of(1, 2, 3) })
  })

  it.each(fields)('without %s is refused, and the field is named', (missing) => {
    const rest = fields.filter(([name]) => name !== missing)
    const error = refusal(variant('DescribeNSM', rest))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringContaining(`: ${missing} is not`),
    })
  })

  it.each<[string, string, CborValue]>([
    ['DescribePCR', 'lock', 1],
    ['DescribePCR', 'data', 'text'],
    ['ExtendPCR', 'data', null],
    ['GetRandom', 'random', 'four'],
    ['Attestation', 'document', [1, 2]],
  ])('%s whose %s has another type is refused', (name, field, value) => {
    const valid: [string, CborValue][] = [
      ['lock', true],
      ['data', new Uint8Array(48)],
    ]
    const error = refusal(variant(name, [...valid.filter(([key]) => key !== field), [field, value]]))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringContaining(`: ${field} is not`),
    })
  })

  it.each([-1, 65_536, 2 ** 40])('with the version number %d is refused', (value) => {
    const bad = fields.map(([name, old]): [string, CborValue] => [
      name,
      name === 'version_major' ? value : old,
    ])
    expect(refusal(variant('DescribeNSM', bad)).message).toContain('version_major is not a number of 16 bits')
  })

  it('with an array of locked registers that holds no numbers is refused', () => {
    const bad = fields.map(([name, old]): [string, CborValue] => [name, name === 'locked_pcrs' ? ['0'] : old])
    expect(refusal(variant('DescribeNSM', bad)).message).toContain('locked_pcrs is not an array of numbers')
  })

  it('with an unknown digest is refused', () => {
    const bad = fields.map(([name, old]): [string, CborValue] => [name, name === 'digest' ? 'MD5' : old])
    expect(refusal(variant('DescribeNSM', bad)).message).toContain('digest is not a known digest')
  })

  it('of an unknown variant is refused by its name', () => {
    const error = refusal(variant('Teleport', [['to', 'Mars']]))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringMatching(/unknown response "Teleport"/),
    })
  })

  it('with an unknown error is refused by its name', () => {
    const error = refusal(encodeCbor(new Map([['Error', 'CoffeeTooCold']])))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringMatching(/unknown error "CoffeeTooCold"/),
    })
  })

  it.each(['constructor', '__proto__', 'toString'])('with the error %s is no error of the API', (name) => {
    expect(refusal(encodeCbor(new Map([['Error', name]]))).code).toBe('ERR_NSM_INVALID_RESPONSE')
  })

  it('that says Error: Success is no success', () => {
    expect(refusal(encodeCbor(new Map([['Error', 'Success']]))).code).toBe('ERR_NSM_INVALID_RESPONSE')
  })

  it.each<[string, CborValue]>([
    ['a number', 7],
    ['a text of no variant', 'GetRandom'],
    ['an empty map', new Map()],
    [
      'a map of two variants',
      new Map<string, CborValue>([
        ['ExtendPCR', new Map([['data', new Uint8Array(48)]])],
        ['LockPCR', new Map()],
      ]),
    ],
    ['a variant without a map', new Map([['GetRandom', 'random']])],
    ['null', null],
  ])('that is %s is refused', (_, value) => {
    expect(refusal(encodeCbor(value)).code).toBe('ERR_NSM_INVALID_RESPONSE')
  })

  it('with bytes after it is refused', () => {
    expect(refusal(Buffer.concat([encodeCbor('LockPCR'), Uint8Array.of(0)])).code).toBe(
      'ERR_NSM_INVALID_RESPONSE',
    )
  })

  it("of the device's largest size is read", () => {
    const overhead = variant('Attestation', [['document', new Uint8Array(300)]]).length - 300
    const bytes = variant('Attestation', [['document', new Uint8Array(MAX_RESPONSE_LENGTH - overhead)]])
    expect(bytes).toHaveLength(0x3000)
    expect(decodeResponse(bytes)).toMatchObject({ type: 'Attestation' })
  })

  it("beyond the device's largest size is refused", () => {
    const bytes = variant('Attestation', [['document', new Uint8Array(MAX_RESPONSE_LENGTH)]])
    expect(refusal(bytes)).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringMatching(/at most 12288/),
    })
  })
})

it('every error name has a code of its own', () => {
  expect(new Set(Object.values(NSM_ERRORS)).size).toBe(8)
})

function request(name: string): NsmRequest {
  const found = REQUESTS[name]
  if (found === undefined) throw new Error(`no request for the vector ${name}`)
  return found
}
