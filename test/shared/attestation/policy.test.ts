import { beforeAll, describe, expect, it } from 'vitest'
import { type AttestationPolicy, verifyAttestation } from '../../../shared/attestation/index.js'
import { PolicyError, UsageError } from '../../../shared/errors.js'
import { type Fields, PCRS, signedBy, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'
import { code, refusal } from '../../support/errors.js'

const hexOf = (byte: number) => Buffer.alloc(48, byte).toString('hex')
const bytesOf = (byte: number) => new Uint8Array(48).fill(byte)

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

const verify = (fields: Fields, policy: AttestationPolicy, now = NOW) =>
  verifyAttestation(signedBy(chain, fields), { roots: [chain.root], now, ...policy })
const refusedWith = (fields: Fields, policy: AttestationPolicy) => code(() => verify(fields, policy))
/** For a policy that means nothing: not even the bytes of a document are there. */
async function unusable(policy: unknown) {
  const error = await refusal(() => verifyAttestation(new Uint8Array(0), policy as AttestationPolicy))
  expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  return error
}

describe('expected registers', () => {
  it.each<[string, AttestationPolicy['pcrs']]>([
    ['bytes', { 0: bytesOf(1), 8: bytesOf(9) }],
    ['hex', { 0: hexOf(1), 8: hexOf(9) }],
    ['upper-case hex', { 11: hexOf(12).toUpperCase() }],
    ['an array from PCR0 on', [hexOf(1), bytesOf(2)]],
    ['a list that has the value', { 0: [hexOf(7), bytesOf(1), hexOf(8)] }],
  ])('are met when they stand as %s', async (_, pcrs) => {
    await expect(verify({}, pcrs === undefined ? {} : { pcrs })).resolves.toBeDefined()
  })

  it.each<[string, unknown]>([
    ['no register', {}],
    ['an empty array', []],
  ])('cannot be %s, which would ask for nothing', async (_, pcrs) => {
    expect((await unusable({ pcrs })).message).toBe('pcrs names no register')
  })

  it('are each compared: the second may be the wrong one', async () => {
    const error = await refusal(() => verify({}, { pcrs: { 0: hexOf(1), 1: hexOf(9) } }))
    expect(error).toBeInstanceOf(PolicyError)
    expect(error.code).toBe('ERR_POLICY_PCR')
    expect(error.message).toBe(
      `PCR1 is ${hexOf(2)}; expected ${hexOf(9)} (another kernel, command line or boot ramdisk)`,
    )
  })

  it('are not met by a list without the value, which the message shows', async () => {
    const error = await refusal(() => verify({}, { pcrs: { 5: [hexOf(7), hexOf(8)] } }))
    expect(error.message).toBe(`PCR5 is ${hexOf(6)}; expected ${hexOf(7)} or ${hexOf(8)}`)
  })

  it('of a long list are shown in part, with their number', async () => {
    const pcrs = { 5: [10, 11, 12, 13, 14, 15].map(hexOf) }
    const { message } = await refusal(() => verify({}, { pcrs }))
    expect(message).toContain(`${hexOf(13)} or one of 2 more`)
    expect(message).not.toContain(hexOf(14))
  })

  it('of a list of four are all shown', async () => {
    const { message } = await refusal(() => verify({}, { pcrs: { 5: [10, 11, 12, 13].map(hexOf) } }))
    expect(message).toBe(
      `PCR5 is ${hexOf(6)}; expected ${hexOf(10)} or ${hexOf(11)} or ${hexOf(12)} or ${hexOf(13)}`,
    )
  })

  it('are not met by a register that differs in its last bit', async () => {
    const almost = bytesOf(1)
    almost[47] = 0
    expect(await refusedWith({}, { pcrs: { 0: almost } })).toBe('ERR_POLICY_PCR')
  })

  it('are not met by a register that the document does not have', async () => {
    const error = await refusal(() => verify({}, { pcrs: { 16: hexOf(0) } }))
    expect([error.code, error.message]).toEqual([
      'ERR_POLICY_PCR',
      `PCR16 is absent; expected ${hexOf(0)} (a document has only the registers that the enclave has locked)`,
    ])
  })

  it('are not met by the beginning of a longer register', async () => {
    const pcrs = new Map([...PCRS, [16, new Uint8Array(64).fill(7)]])
    expect(await refusedWith({ pcrs }, { pcrs: { 16: bytesOf(7) } })).toBe('ERR_POLICY_PCR')
  })

  it.each<[string, unknown]>([
    ['index 32', { 32: hexOf(0) }],
    ['index -1', { '-1': hexOf(0) }],
    ['index 1.5', { '1.5': hexOf(0) }],
    ['a name', { PCR0: hexOf(0) }],
    ['an empty index, which is no second PCR0', { '': hexOf(0) }],
    ['index 00, which is no second PCR0', { 0: hexOf(1), '00': hexOf(0) }],
    ['index 0x1', { '0x1': hexOf(0) }],
    ['index 1e0', { '1e0': hexOf(0) }],
    ['an index with a space', { ' 1': hexOf(0) }],
    ['hex of 47 bytes', { 0: hexOf(0).slice(2) }],
    ['hex of an odd length', { 0: hexOf(0).slice(1) }],
    ['hex with a prefix', { 0: `0x${hexOf(0)}` }],
    ['hex with a new line', { 0: `${hexOf(0)}\n` }],
    ['no hex at all', { 0: 'z'.repeat(96) }],
    ['an empty text', { 0: '' }],
    ['bytes of 47', { 0: new Uint8Array(47) }],
    ['no bytes', { 0: new Uint8Array(0) }],
    ['a value that is missing', { 0: undefined }],
    ['null', { 0: null }],
    ['a number', { 0: 1 }],
    ['an empty list', { 0: [] }],
    ['a list with a hole', { 0: Object.assign([hexOf(1)], { length: 2 }) }],
    ['a list in a list', { 0: [[hexOf(1)]] }],
    ['a list with something else', { 0: [hexOf(1), null] }],
    ['a Set of values', { 0: new Set([hexOf(1)]) }],
    ['undefined, which would ask for nothing', undefined],
    ['a promise, which would ask for nothing', Promise.resolve({ 0: hexOf(9) })],
    ['a Date', new Date()],
    ['a Map, which would ask for nothing', new Map([[0, bytesOf(9)]])],
    ['a register in place of all', bytesOf(1)],
    ['a text in place of all', hexOf(1)],
    ['null in place of all', null],
  ])('cannot be %s', async (_, pcrs) => {
    const error = await unusable({ pcrs })
    expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  })
})

describe.each([
  ['nonce', 'nonce', 'ERR_POLICY_NONCE'],
  ['user_data', 'userData', 'ERR_POLICY_USER_DATA'],
  ['public_key', 'publicKey', 'ERR_POLICY_PUBLIC_KEY'],
] as const)('an expected %s', (name, option, expected) => {
  const value = Uint8Array.of(1, 2, 3)

  it('is met by equal bytes', async () => {
    await expect(verify({ [name]: value }, { [option]: Buffer.from(value) })).resolves.toBeDefined()
  })

  it('is not met by an absent one, and the message says that it is absent', async () => {
    const error = await refusal(() => verify({ [name]: null }, { [option]: value }))
    expect(error.code).toBe(expected)
    expect(error.message).toMatch(
      new RegExp(`^the document has no ${name}; expected 3 bytes, SHA-384 [0-9a-f]{16}…$`),
    )
  })

  it('is not met by another one, and the message shows neither', async () => {
    const secret = Buffer.from('a secret value')
    const error = await refusal(() => verify({ [name]: Buffer.from('another value') }, { [option]: secret }))
    expect(error.code).toBe(expected)
    const [found, wanted] = error.message.match(/\d+ bytes, SHA-384 [0-9a-f]{16}/g) ?? []
    expect([found?.slice(0, 8), wanted?.slice(0, 8)]).toEqual(['13 bytes', '14 bytes'])
    for (const text of ['secret', secret.toString('hex'), secret.toString('base64'), 'another value'])
      expect(error.message).not.toContain(text)
  })

  it('that differs in one byte has another fingerprint', async () => {
    const { message } = await refusal(() => verify({ [name]: Uint8Array.of(1, 2, 4) }, { [option]: value }))
    expect(new Set(message.match(/[0-9a-f]{16}/g))).toHaveProperty('size', 2)
  })

  it('is not met by a longer or a shorter one', async () => {
    expect(await refusedWith({ [name]: Uint8Array.of(1, 2, 3, 0) }, { [option]: value })).toBe(expected)
    expect(await refusedWith({ [name]: Uint8Array.of(1, 2) }, { [option]: value })).toBe(expected)
  })

  it('of no bytes is met by no bytes, and not by absence; a nonce is never empty', async () => {
    const empty = new Uint8Array(0)
    if (name === 'nonce') {
      expect((await unusable({ nonce: empty })).message).toBe('nonce is empty')
      return
    }
    await expect(verify({ [name]: empty }, { [option]: empty })).resolves.toBeDefined()
    expect(await refusedWith({ [name]: null }, { [option]: empty })).toBe(expected)
    expect(await refusedWith({ [name]: value }, { [option]: empty })).toBe(expected)
  })

  it('is what it was when it was asked for, whatever becomes of the array', async () => {
    const asked = Uint8Array.from(value)
    const verified = verify({ [name]: value }, { [option]: asked })
    asked.fill(0)
    await expect(verified).resolves.toBeDefined()
  })

  it('that was not asked for may be anything', async () => {
    await expect(verify({ [name]: value }, {})).resolves.toBeDefined()
  })

  it('cannot be undefined, which would ask for nothing', async () => {
    const error = await unusable({ [option]: undefined })
    expect([error.code, error.message]).toEqual([
      'ERR_USAGE',
      `${option} is undefined; what is not asked for must be left out`,
    ])
  })

  it.each([null, 'text', [1, 2, 3], 7])('cannot be %s', async (wrong) => {
    const error = await unusable({ [option]: wrong })
    expect([error.code, error.message]).toEqual(['ERR_USAGE', `${option} is not a Uint8Array`])
  })
})

describe('the age of a document', () => {
  const aged = (milliseconds: number): Fields => ({ timestamp: NOW.getTime() - milliseconds })

  it('may be five minutes unless told otherwise, and not a millisecond more', async () => {
    await expect(verify(aged(300_000), {})).resolves.toBeDefined()
    expect(await refusedWith(aged(300_001), {})).toBe('ERR_POLICY_MAX_AGE')
  })

  it('may be exactly what was asked for, and not a millisecond more', async () => {
    await expect(verify(aged(5000), { maxAge: 5000 })).resolves.toBeDefined()
    expect(await refusedWith(aged(5001), { maxAge: 5000 })).toBe('ERR_POLICY_MAX_AGE')
    await expect(verify(aged(0), { maxAge: 0 })).resolves.toBeDefined()
    expect(await refusedWith(aged(1), { maxAge: 0 })).toBe('ERR_POLICY_MAX_AGE')
  })

  it('is told in seconds, with the limit', async () => {
    const { message } = await refusal(() => verify(aged(600_000), {}))
    expect(message).toBe('the document is 600 s old; at most 300 s are accepted')
  })

  it('may be anything where Infinity is written out', async () => {
    await expect(verify(aged(1e11), { maxAge: Number.POSITIVE_INFINITY })).resolves.toBeDefined()
  })

  it('of a document that counts in seconds is not judged', async () => {
    expect(await refusedWith({ timestamp: NOW.getTime() / 1000 }, {})).toBe('ERR_DOCUMENT_TIMESTAMP')
  })

  it('may be negative by a minute unless told otherwise, and not a millisecond more', async () => {
    await expect(verify(aged(-60_000), {})).resolves.toBeDefined()
    expect(await refusedWith(aged(-60_001), {})).toBe('ERR_POLICY_FUTURE')
  })

  it('may be negative by the tolerance that was asked for', async () => {
    await expect(verify(aged(-5000), { clockTolerance: 5000 })).resolves.toBeDefined()
    expect(await refusedWith(aged(-5001), { clockTolerance: 5000 })).toBe('ERR_POLICY_FUTURE')
    expect(await refusedWith(aged(-1), { clockTolerance: 0 })).toBe('ERR_POLICY_FUTURE')
  })

  it('is not stretched by the tolerance', async () => {
    expect(await refusedWith(aged(300_001), { clockTolerance: 1e9 })).toBe('ERR_POLICY_MAX_AGE')
  })

  it('is not unlimited towards the future where it is towards the past', async () => {
    expect(await refusedWith(aged(-60_001), { maxAge: Number.POSITIVE_INFINITY })).toBe('ERR_POLICY_FUTURE')
  })

  it.each<[string, unknown]>([
    ['maxAge', Number.NaN],
    ['maxAge', -1],
    ['maxAge', null],
    ['maxAge', '300000'],
    ['clockTolerance', Number.NaN],
    ['clockTolerance', -1],
    ['clockTolerance', Number.POSITIVE_INFINITY],
    ['clockTolerance', null],
    ['clockTolerance', '60000'],
  ])('cannot be limited by a %s of %s', async (name, value) => {
    const error = await unusable({ [name]: value })
    expect(error.code).toBe('ERR_USAGE')
    expect(error.message).toContain(name)
  })
})

describe('debug mode', () => {
  it('is refused with the way there and the way out', async () => {
    const error = await refusal(() => verify({ pcrs: ZERO_PCRS }, {}))
    expect(error.code).toBe('ERR_POLICY_DEBUG_MODE')
    expect(error.message).toContain('debug mode')
    expect(error.message).toContain('--debug-mode')
    expect(error.message).toContain('PCR0, PCR1 and PCR2 are zero')
  })

  it('is accepted where it is allowed, and shows in the document', async () => {
    const { document } = await verify({ pcrs: ZERO_PCRS }, { allowDebug: true })
    expect(document.debugMode).toBe(true)
  })

  it('is refused even where zero registers were asked for', async () => {
    expect(await refusedWith({ pcrs: ZERO_PCRS }, { pcrs: { 0: hexOf(0) } })).toBe('ERR_POLICY_DEBUG_MODE')
  })

  it.each(['false', 1, null, {}])('is not allowed by %o, which is not true', async (allowDebug) => {
    const error = await unusable({ allowDebug })
    expect([error.code, error.message]).toEqual(['ERR_USAGE', 'allowDebug is not true or false'])
  })
})

describe('an expected module id', () => {
  const module = 'i-0123456789abcdef0-enc0123456789abcdef'

  it('is met by the same, alone or in a list', async () => {
    await expect(verify({}, { moduleId: module })).resolves.toBeDefined()
    await expect(verify({}, { moduleId: ['i-0-enc0', module] })).resolves.toBeDefined()
  })

  it('is not met by another, by its beginning, or by other letters', async () => {
    for (const moduleId of ['i-0-enc0', module.slice(0, -1), module.toUpperCase()])
      expect(await refusedWith({}, { moduleId })).toBe('ERR_POLICY_MODULE_ID')
    const { message } = await refusal(() => verify({}, { moduleId: 'i-0-enc0' }))
    expect(message).toContain(`module_id is ${module}; expected i-0-enc0`)
  })

  it.each([[''], [[]], [null], [7], [undefined], [[module, '']]])('cannot be %o', async (moduleId) => {
    expect((await unusable({ moduleId })).code).toBe('ERR_USAGE')
  })
})

describe('several requirements', () => {
  it('are all judged: the error is the first one’s, and names the others', async () => {
    const policy = { pcrs: { 0: hexOf(9), 1: hexOf(2) }, nonce: Uint8Array.of(1), maxAge: 0 }
    const error = await refusal(() => verify({ timestamp: NOW.getTime() - 1 }, policy))
    expect(error.code).toBe('ERR_POLICY_PCR')
    expect(error.message).toMatch(/^PCR0 is .* \(refused, too: nonce, age\)$/)
  })
})

describe('a policy as a whole', () => {
  it.each<[string, unknown]>([
    ['a promise, which would ask for nothing', Promise.resolve({ pcrs: { 0: hexOf(9) } })],
    ['a Map, which would ask for nothing', new Map([['nonce', bytesOf(9)]])],
    ['a list', [{ nonce: bytesOf(9) }]],
    ['a text', 'policy.json'],
    ['null', null],
  ])('cannot be %s', async (_, policy) => {
    const error = await refusal(() => verifyAttestation(new Uint8Array(0), policy as AttestationPolicy))
    expect([error.code, error.message]).toEqual(['ERR_USAGE', 'options is not a plain object'])
  })
})
