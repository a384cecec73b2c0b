import { beforeAll, describe, expect, it } from 'vitest'
import { MAX_DOCUMENT_LENGTH } from '../../../shared/attestation/document-fields.js'
import {
  type AttestationPolicy,
  examineAttestation,
  verifyAttestation,
} from '../../../shared/attestation/index.js'
import { UsageError } from '../../../shared/errors.js'
import { signedBy, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'
import { code, refusal } from '../../support/errors.js'

const MODULE_ID = 'i-0123456789abcdef0-enc0123456789abcdef'
const MEBIBYTE = 1024 * 1024
const bytesOf = (byte: number) => new Uint8Array(48).fill(byte)
/** For options that mean nothing: not even the bytes of a document are there. */
async function unusable(policy: unknown) {
  const error = await refusal(() => verifyAttestation(new Uint8Array(0), policy as AttestationPolicy))
  expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  return error
}

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

describe('options', () => {
  it.each<[string, unknown]>([
    ['an object that inherits its members', Object.create({ nonce: bytesOf(9) })],
    [
      'an object that inherits them from one that inherits nothing',
      Object.create(Object.assign(Object.create(null), { nonce: bytesOf(9) })),
    ],
    ['registers that are inherited', { pcrs: Object.create({ 0: bytesOf(9) }) }],
    ['an array of holes for registers', { pcrs: new Array(3) }],
    [
      'registers of a class',
      {
        pcrs: new (class {
          get 0() {
            return bytesOf(9)
          }
        })(),
      },
    ],
  ])('are not %s, which would ask for nothing', async (_, policy) => {
    expect((await unusable(policy)).code).toBe('ERR_USAGE')
  })

  it.each(['roots', 'now', 'cache', 'maxAge', 'clockTolerance', 'allowDebug', 'instanceId'])(
    'have no %s that is undefined',
    async (name) => {
      expect((await unusable({ [name]: undefined })).message).toBe(
        `${name} is undefined; what is not asked for must be left out`,
      )
    },
  )

  it.each([
    ['roots is not an array of at least one certificate', { roots: [] }],
    ['roots is not an array of at least one certificate', { roots: { length: 1 } }],
    ['one of the roots is', { roots: [5] }],
    ['now is not a valid Date', { now: null }],
    ['now is not a valid Date', { now: new Date(Number.NaN) }],
    ['cache is not true or false', { cache: 0 }],
  ])('are refused with what is wrong: %s', async (message, policy) => {
    const error = await unusable(policy)
    expect(error.code).toBe('ERR_USAGE')
    expect(error.message).toContain(message)
  })

  it.each([
    ['a register that is a text in an object', { pcrs: { 0: Object('00'.repeat(48)) } }],
    ['a name that is a symbol', { [Symbol('nonce')]: bytesOf(9) }],
    ['bytes that only claim to be', { nonce: Object.create(Uint8Array.prototype) }],
  ])('have not %s', async (_, policy) => {
    expect((await unusable(policy)).code).toBe('ERR_USAGE')
  })

  it('ask for nothing that stands in the prototype of all objects', async () => {
    Object.defineProperty(Object.prototype, 'allowDebug', { value: true, configurable: true })
    try {
      const document = signedBy(chain, { pcrs: ZERO_PCRS })
      const refused = code(() => verifyAttestation(document, { roots: [chain.root], now: NOW }))
      expect(await refused).toBe('ERR_POLICY_DEBUG_MODE')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'allowDebug')
    }
  })
})

describe('what is asked, and of which document,', () => {
  it('is what it was at the call, whatever becomes of both', async () => {
    const document = signedBy(chain, { nonce: Uint8Array.of(1) })
    const policy: Record<string, unknown> = {
      roots: [chain.root],
      now: new Date(NOW),
      nonce: Uint8Array.of(1),
      pcrs: { 0: [bytesOf(1)] },
      moduleId: [MODULE_ID],
      roleArn: 'arn:aws:iam::123456789012:role/another',
    }
    const examined = examineAttestation(document, policy)
    document.fill(0)
    for (const name of ['nonce', 'now', 'roots', 'pcrs', 'roleArn']) policy[name] = undefined
    const { checks } = await examined
    const failed = checks.filter(({ verdict }) => verdict !== 'passed').map(({ name }) => name)
    expect(failed).toEqual(['PCR3'])
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['PCR0', 'nonce', 'module_id']))
  })

  it('is what it was of the longest document, too', async () => {
    const longest = new Uint8Array(MAX_DOCUMENT_LENGTH)
    const refused = await code(() => verifyAttestation(longest))
    const verified = code(() => verifyAttestation(longest))
    longest.fill(0xff)
    expect(await verified).toBe(refused)
    expect(await code(() => verifyAttestation(longest))).not.toBe(refused)
  })

  it('is not copied when it is too long to be one', async () => {
    const long = new Uint8Array(64 * MEBIBYTE)
    const before = process.memoryUsage().arrayBuffers
    const refused = code(() => verifyAttestation(long))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEBIBYTE)
    expect(await refused).toBe('ERR_DOCUMENT_SIZE')
  })

  it('is not moved by bytes that are written meanwhile', async () => {
    const nonce = Uint8Array.of(1)
    const pcr = bytesOf(1)
    const roots = [Uint8Array.from(chain.root)]
    const now = new Date(NOW)
    const policy = { roots, now, nonce, pcrs: { 0: pcr }, instanceId: 'i-0123456789abcdef0' }
    const examined = examineAttestation(signedBy(chain, { nonce: Uint8Array.of(1) }), policy)
    nonce.fill(2)
    pcr.fill(0)
    roots[0]?.fill(0)
    now.setTime(0)
    const { checks } = await examined
    expect(checks.filter(({ verdict }) => verdict !== 'passed').map(({ name }) => name)).toEqual(['PCR4'])
  })
})
