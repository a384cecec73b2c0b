/** Genuine documents that are not what was asked for, each beside a policy that differs in that one thing. */
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type VerifyOptions, verifyAttestation } from '../../../shared/attestation/index.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { type Fields, PCRS, signedBy, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'
import { code } from '../../support/errors.js'
import { hex } from './verdict.js'

const ROLE = 'arn:aws:iam::123456789012:role/enclave'
const INSTANCE = 'i-0123456789abcdef0'
const MODULE = `${INSTANCE}-enc0123456789abcdef`
const register = (byte: number) => new Uint8Array(48).fill(byte)
const extended = (data: Uint8Array | string) =>
  new Uint8Array(createHash('sha384').update(register(0)).update(data).digest())
const measured = (index: number, data: Uint8Array | string): Fields => ({
  pcrs: new Map([...PCRS, [index, extended(data)]]),
})
const aged = (milliseconds: number): Fields => ({ timestamp: NOW.getTime() - milliseconds })

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

/** What it is, the fields of the document, the policy that refuses, the code, and the policy that accepts. */
type Row = readonly [
  name: string,
  fields: Fields,
  refuses: VerifyOptions,
  code: ErrorCode,
  accepts: VerifyOptions,
]

function judge(rows: readonly Row[]): void {
  it.each(rows)('%s', async (_, fields, refuses, expected, accepts) => {
    const bytes = signedBy(chain, fields)
    const verify = (policy: VerifyOptions) =>
      verifyAttestation(bytes, { roots: [chain.root], now: NOW, ...policy })
    expect(await code(() => verify(refuses))).toBe(expected)
    await expect(verify(accepts)).resolves.toBeDefined()
  })
}

describe('registers', () => {
  const last = register(1)
  last[47] = 0
  judge([
    [
      'a register with another bit',
      {},
      { pcrs: { 0: last } },
      'ERR_POLICY_PCR',
      { pcrs: { 0: register(1) } },
    ],
    [
      'a register that is none of a list',
      {},
      { pcrs: { 0: [register(2), register(3)] } },
      'ERR_POLICY_PCR',
      { pcrs: { 0: [register(2), register(1)] } },
    ],
    [
      'a register that is not there',
      {},
      { pcrs: { 16: register(0) } },
      'ERR_POLICY_PCR',
      { pcrs: { 15: register(16) } },
    ],
    [
      'a register that begins as a longer one',
      { pcrs: new Map([...PCRS, [16, new Uint8Array(64).fill(7)]]) },
      { pcrs: { 16: register(7) } },
      'ERR_POLICY_PCR',
      { pcrs: { 16: new Uint8Array(64).fill(7) } },
    ],
    ['another role', measured(3, ROLE), { roleArn: `${ROLE}s` }, 'ERR_POLICY_PCR', { roleArn: ROLE }],
    [
      'another instance',
      measured(4, INSTANCE),
      { instanceId: 'i-0123456789abcdef1' },
      'ERR_POLICY_PCR',
      { instanceId: INSTANCE },
    ],
    ['an enclave in debug mode', { pcrs: ZERO_PCRS }, {}, 'ERR_POLICY_DEBUG_MODE', { allowDebug: true }],
    [
      'an enclave in debug mode, of which zeros are asked',
      { pcrs: ZERO_PCRS },
      { pcrs: { 0: register(0) } },
      'ERR_POLICY_DEBUG_MODE',
      { pcrs: { 0: register(0) }, allowDebug: true },
    ],
  ])

  it('another signing certificate', async () => {
    const der = chain.certificate
    const fields = measured(8, createHash('sha384').update(der).digest())
    const bytes = signedBy(chain, fields)
    const options = { roots: [chain.root], now: NOW }
    const other = { ...options, signingCertificate: chain.root }
    expect(await code(() => verifyAttestation(bytes, other))).toBe('ERR_POLICY_PCR')
    await expect(verifyAttestation(bytes, { ...options, signingCertificate: der })).resolves.toBeDefined()
  })
})

describe('module, fields and age', () => {
  const value = hex('010203')
  judge([
    ['another module', {}, { moduleId: `${MODULE}0` }, 'ERR_POLICY_MODULE_ID', { moduleId: MODULE }],
    ['another nonce', { nonce: value }, { nonce: hex('010204') }, 'ERR_POLICY_NONCE', { nonce: value }],
    [
      'a nonce that is longer',
      { nonce: hex('01020300') },
      { nonce: value },
      'ERR_POLICY_NONCE',
      { nonce: hex('01020300') },
    ],
    ['no nonce', {}, { nonce: hex('00') }, 'ERR_POLICY_NONCE', {}],
    [
      'other user_data',
      { user_data: value },
      { userData: hex('') },
      'ERR_POLICY_USER_DATA',
      { userData: value },
    ],
    [
      'another public_key',
      { public_key: value },
      { publicKey: hex('0102') },
      'ERR_POLICY_PUBLIC_KEY',
      { publicKey: value },
    ],
    [
      'a document of five minutes and a millisecond',
      aged(300_001),
      {},
      'ERR_POLICY_MAX_AGE',
      { maxAge: 300_001 },
    ],
    [
      'a document from a minute and a millisecond ahead',
      aged(-60_001),
      {},
      'ERR_POLICY_FUTURE',
      { clockTolerance: 60_001 },
    ],
  ])
})
