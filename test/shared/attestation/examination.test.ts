import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Examination,
  examineAttestation,
  type VerifyOptions,
  verifyAttestation,
} from '../../../shared/attestation/index.js'
import { createVerifier } from '../../../shared/attestation/verify.js'
import { nodePrimitives } from '../../../shared/crypto/node.js'
import { type Fields, signedBy, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, NOW, TO } from '../../support/certificates.js'
import { refusal } from '../../support/errors.js'

const hexOf = (byte: number) => Buffer.alloc(48, byte).toString('hex')

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

const bytesOf = (fields: Fields = {}) => signedBy(chain, fields)
const optionsOf = (options: VerifyOptions = {}) => ({ roots: [chain.root], now: NOW, ...options })
const verdicts = ({ checks }: Pick<Examination, 'checks'>) =>
  Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]))

describe('an examination', () => {
  it('of what is accepted lists every check, in order, as passed', async () => {
    const nonce = Uint8Array.of(1, 2, 3)
    const options = optionsOf({ pcrs: { 0: hexOf(1) }, nonce })
    const found = await examineAttestation(bytesOf({ nonce }), options)
    expect(found.accepted).toBe(true)
    expect(Object.entries(verdicts(found))).toEqual(
      ['form', 'certificate path', 'signature', 'debug mode', 'PCR0', 'nonce', 'age'].map((name) => [
        name,
        'passed',
      ]),
    )
    expect(found.checks.every(({ actual, expected }) => actual !== undefined && expected !== '')).toBe(true)
    expect(found.checks.some(({ code, reason, hint }) => code ?? reason ?? hint)).toBe(false)
    expect('error' in found).toBe(false)
  })

  it('is what verifying gives, and its error what verifying throws', async () => {
    const good = await examineAttestation(bytesOf(), optionsOf())
    const { document, chain: links, checks } = await verifyAttestation(bytesOf(), optionsOf())
    expect(good).toMatchObject({ document, chain: links })
    expect(checks.map(({ name }) => name)).toEqual(good.checks.map(({ name }) => name))
    const options = optionsOf({ pcrs: { 0: hexOf(9) } })
    const bad = await examineAttestation(bytesOf(), options)
    const error = await refusal(() => verifyAttestation(bytesOf(), options))
    expect(bad.accepted ? undefined : [bad.error.code, bad.error.message]).toEqual([
      error.code,
      error.message,
    ])
  })

  it('of a genuine document that is refused judges all that was asked', async () => {
    const options = optionsOf({ pcrs: { 0: hexOf(9), 4: hexOf(5) }, nonce: Uint8Array.of(1) })
    const found = await examineAttestation(bytesOf({ pcrs: ZERO_PCRS }), options)
    expect(verdicts(found)).toEqual({
      form: 'passed',
      'certificate path': 'passed',
      signature: 'passed',
      'debug mode': 'failed',
      PCR0: 'failed',
      PCR4: 'passed',
      nonce: 'failed',
      age: 'passed',
    })
    expect(found.accepted).toBe(false)
    expect(found.document?.debugMode).toBe(true)
    expect(found.chain).toHaveLength(5)
  })

  it('gives each failed check the code and the sentence of its own', async () => {
    const options = optionsOf({ pcrs: { 1: hexOf(9) }, nonce: Uint8Array.of(1), maxAge: 0 })
    const { checks } = await examineAttestation(bytesOf({ timestamp: NOW.getTime() - 5000 }), options)
    const failed = checks.filter(({ verdict }) => verdict === 'failed')
    expect(failed).toMatchObject([
      { name: 'PCR1', code: 'ERR_POLICY_PCR', expected: hexOf(9), actual: hexOf(2) },
      { name: 'nonce', code: 'ERR_POLICY_NONCE', actual: 'absent' },
      {
        name: 'age',
        code: 'ERR_POLICY_MAX_AGE',
        expected: 'at most 0 s; at most 60 s in the future',
        actual: `5 s, at ${NOW.toISOString()}`,
        reason: 'the document is 5 s old; at most 0 s are accepted',
      },
    ])
  })

  it('of a forgery says where it fails, and nothing of what it contains', async () => {
    const bytes = bytesOf({ module_id: 'i-forged-enc0' })
    const forged = bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))
    const found = await examineAttestation(forged, optionsOf({ pcrs: { 0: hexOf(1) } }))
    expect(verdicts(found)).toEqual({
      form: 'passed',
      'certificate path': 'passed',
      signature: 'failed',
      'debug mode': 'not reached',
      PCR0: 'not reached',
      age: 'not reached',
    })
    expect(found.checks.find(({ name }) => name === 'PCR0')).toEqual({
      name: 'PCR0',
      verdict: 'not reached',
      expected: hexOf(1),
    })
    expect('document' in found || 'chain' in found).toBe(false)
    expect(JSON.stringify(found)).not.toContain('forged')
  })

  it.each<[string, () => Promise<Examination>, string, string, string[]]>([
    [
      'bytes that are no document',
      () => examineAttestation(Uint8Array.of(1), optionsOf()),
      'form',
      'ERR_COSE_STRUCTURE',
      ['certificate path', 'signature', 'debug mode', 'age'],
    ],
    [
      'another root',
      () => examineAttestation(bytesOf(), { now: NOW }),
      'certificate path',
      'ERR_CERTIFICATE_UNTRUSTED_ROOT',
      ['signature', 'debug mode', 'age'],
    ],
    [
      'a certificate that has expired',
      () => examineAttestation(bytesOf(), optionsOf({ now: new Date(TO.getTime() + 1) })),
      'certificate path',
      'ERR_CERTIFICATE_EXPIRED',
      ['signature', 'debug mode', 'age'],
    ],
  ])('of %s ends there', async (_, call, name, code, unreached) => {
    const found = await call()
    const failed = found.checks.filter(({ verdict }) => verdict === 'failed')
    expect(failed).toMatchObject([{ name, code }])
    const error = found.accepted ? undefined : found.error
    expect([error?.code, error?.message]).toEqual([code, failed[0]?.reason])
    expect(found.checks.filter(({ verdict }) => verdict === 'not reached').map((one) => one.name)).toEqual(
      unreached,
    )
  })

  it('that cannot be made is no refusal', async () => {
    const broken = {
      ...nodePrimitives,
      verify: async () => {
        throw new Error('out of order')
      },
    }
    const examined = createVerifier(broken).examineAttestation(bytesOf(), optionsOf())
    await expect(examined).rejects.toThrow('out of order')
  })

  it('of a policy that means nothing is a UsageError all the same', async () => {
    const error = await refusal(() => examineAttestation(bytesOf(), optionsOf({ maxAge: -1 })))
    expect(error.code).toBe('ERR_USAGE')
  })
})
