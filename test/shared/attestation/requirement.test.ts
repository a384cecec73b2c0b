/** What a refusal tells the person who must explain it. */
import { beforeAll, describe, expect, it } from 'vitest'
import { examineAttestation, type VerifyOptions } from '../../../shared/attestation/index.js'
import { createVerifier } from '../../../shared/attestation/verify.js'
import { nodePrimitives } from '../../../shared/crypto/node.js'
import { type Fields, PCRS, signedBy, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'

const hexOf = (byte: number, length = 48) => Buffer.alloc(length, byte).toString('hex')
const MODULE_ID = 'i-0123456789abcdef0-enc0123456789abcdef'
const zero = (index: number) => new Map([...PCRS, [index, new Uint8Array(48)]])

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

const checkOf = async (name: string, fields: Fields, options: VerifyOptions) => {
  const { checks } = await examineAttestation(signedBy(chain, fields), {
    roots: [chain.root],
    now: NOW,
    ...options,
  })
  return checks.find((check) => check.name === name)
}

describe('the hint of a register that differs', () => {
  it.each<[string, number, string]>([
    ['PCR0: another image', 0, 'another image, or another build of it'],
    ['PCR1: what boots', 1, 'another kernel, command line or boot ramdisk'],
    ['PCR2: the application', 2, 'another application'],
    ['PCR3: the role', 3, 'the parent instance has another IAM role'],
    ['PCR4: the instance', 4, 'another parent instance: i-0123456789abcdef0, by module_id'],
    [
      'PCR8: the signer',
      8,
      'the image is signed with another certificate; a renewed one is another, even with the same key',
    ],
  ])('says of %s', async (_, index, hint) => {
    expect(await checkOf(`PCR${index}`, {}, { pcrs: { [index]: hexOf(0xee) } })).toEqual({
      name: `PCR${index}`,
      verdict: 'failed',
      expected: hexOf(0xee),
      actual: hexOf(index + 1),
      code: 'ERR_POLICY_PCR',
      reason: `PCR${index} is ${hexOf(index + 1)}; expected ${hexOf(0xee)} (${hint})`,
      hint,
    })
  })

  it.each<[string, number, Fields, string | undefined]>([
    ['an unsigned image', 8, { pcrs: zero(8) }, 'zero: the image is not signed'],
    [
      'no role',
      3,
      { pcrs: zero(3) },
      'zero: the parent instance had no IAM role when the enclave was started',
    ],
    ['no measurement', 15, { pcrs: zero(15) }, 'zero: nothing was measured into it'],
    ['debug mode', 0, { pcrs: ZERO_PCRS }, 'zero: the enclave runs in debug mode'],
    [
      'debug mode, signed or not',
      8,
      { pcrs: new Map([...ZERO_PCRS, [8, new Uint8Array(48)]]) },
      'zero: the enclave runs in debug mode',
    ],
    [
      'a register that is not locked',
      16,
      {},
      'a document has only the registers that the enclave has locked',
    ],
    ['a register below 16 that is missing', 5, { pcrs: new Map([...PCRS].slice(0, 5)) }, undefined],
    [
      'a register of another length',
      5,
      { pcrs: new Map([...PCRS, [5, new Uint8Array(32)]]) },
      '32 bytes, where 48 were expected',
    ],
    [
      'a register with a zero byte, which is measured nevertheless',
      2,
      { pcrs: new Map([...PCRS, [2, Uint8Array.of(0, ...Buffer.alloc(47, 1))]]) },
      'another application',
    ],
    [
      'a module id of another form, as it is',
      4,
      { module_id: 'i-0-enc0-of-another-form' },
      'another parent instance: i-0-enc0-of-another-form, by module_id',
    ],
    [
      'an application’s own register',
      16,
      { pcrs: new Map([...PCRS, [16, new Uint8Array(48).fill(1)]]) },
      undefined,
    ],
  ])('tells of %s', async (_, index, fields, hint) => {
    const check = await checkOf(`PCR${index}`, fields, { pcrs: { [index]: hexOf(0xee) } })
    expect([check?.verdict, check?.hint]).toEqual(['failed', hint])
  })

  it.each<[string, number, string | undefined]>([
    ['another length than all of a list', 64, '64 bytes, where 48 or 32 were expected'],
    ['the length of one of a list', 32, undefined],
  ])('tells of %s', async (_, length, hint) => {
    const pcrs = new Map([...PCRS, [5, new Uint8Array(length).fill(1)]])
    const expected = [hexOf(0xee), hexOf(0xee, 32), hexOf(0xdd)]
    const check = await checkOf('PCR5', { pcrs }, { pcrs: { 5: expected } })
    expect([check?.verdict, check?.hint]).toEqual(['failed', hint])
  })

  it('is no place for a hostile module id', async () => {
    const check = await checkOf('PCR4', { module_id: 'i-0\u001b[2J' }, { pcrs: { 4: hexOf(0xee) } })
    expect(check?.hint).toContain('i-0\\u{1b}[2J')
    expect(check?.reason).not.toContain('\u001b')
  })
})

describe('the hints of other checks', () => {
  it.each<[string, Fields, VerifyOptions, string]>([
    ['nonce', { nonce: Uint8Array.of(1) }, { nonce: Uint8Array.of(2) }, 'an answer to another challenge'],
    ['module_id', {}, { moduleId: 'i-0-enc0' }, 'every start of an enclave has a module_id of its own'],
    ['age', { timestamp: NOW.getTime() + 61_000 }, {}, 'compare the clocks'],
  ])('say of %s', async (name, fields, options, hint) => {
    expect(await checkOf(name, fields, options)).toMatchObject({ verdict: 'failed', hint })
  })
})

describe('a check', () => {
  it.each<[string, Fields, VerifyOptions, object]>([
    [
      'user_data',
      { user_data: Uint8Array.of(1) },
      { userData: Uint8Array.of(1) },
      { verdict: 'passed', actual: expect.stringMatching(/^1 byte, SHA-384 [0-9a-f]{16}…$/) },
    ],
    ['module_id', {}, { moduleId: MODULE_ID }, { verdict: 'passed', expected: MODULE_ID, actual: MODULE_ID }],
    ['debug mode', {}, {}, { verdict: 'passed', expected: 'off', actual: 'off' }],
    [
      'debug mode',
      { pcrs: ZERO_PCRS },
      {},
      {
        verdict: 'failed',
        actual: 'on',
        hint: expect.stringMatching(
          /^it was started with --debug-mode, .* start it without, or allow debug mode/,
        ),
      },
    ],
    [
      'age',
      { timestamp: NOW.getTime() - 5000 },
      { maxAge: Number.POSITIVE_INFINITY },
      {
        verdict: 'passed',
        expected: 'any; at most 60 s in the future',
        actual: `5 s, at ${NOW.toISOString()}`,
      },
    ],
    [
      'age',
      { timestamp: NOW.getTime() + 61_000 },
      {},
      {
        verdict: 'failed',
        actual: `-61 s, at ${NOW.toISOString()}`,
        reason: 'the document comes from 61 s in the future; at most 60 s are accepted (compare the clocks)',
      },
    ],
  ])('of %s says what was found', async (name, fields, options, expected) => {
    expect(await checkOf(name, fields, options)).toMatchObject(expected)
  })
})

describe('registers and fields', () => {
  // A comparison of its own would stop at the first byte that differs.
  const deaf = { ...nodePrimitives, equal: () => true }

  it.each<[string, VerifyOptions]>([
    ['PCR0', { pcrs: { 0: hexOf(0xee) } }],
    ['nonce', { nonce: Uint8Array.of(2) }],
    ['user_data', { userData: Uint8Array.of(2) }],
    ['public_key', { publicKey: Uint8Array.of(2) }],
  ])('%s is compared by the platform, in constant time', async (name, options) => {
    const value = Uint8Array.of(1)
    const bytes = signedBy(chain, { nonce: value, user_data: value, public_key: value })
    const all = { roots: [chain.root], now: NOW, ...options }
    const { checks } = await createVerifier(deaf).examineAttestation(bytes, all)
    expect(checks.find((check) => check.name === name)?.verdict).toBe('passed')
  })

  it('of a list are all compared, whichever it is', async () => {
    let compared = 0
    const counting = {
      ...nodePrimitives,
      equal: (a: Uint8Array, b: Uint8Array) => {
        compared++
        return nodePrimitives.equal(a, b)
      },
    }
    const options = { roots: [chain.root], now: NOW, pcrs: { 0: [hexOf(1), hexOf(2), hexOf(3)] } }
    const { accepted } = await createVerifier(counting).examineAttestation(signedBy(chain), options)
    expect([accepted, compared]).toEqual([true, 3])
  })
})
