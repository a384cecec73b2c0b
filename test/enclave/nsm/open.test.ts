import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { feedEntropy } from '../../../enclave/nsm/entropy.js'
import { openNsm, openNsmOn } from '../../../enclave/nsm/open.js'
import type { Nsm } from '../../../enclave/nsm/requests.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { OperationError } from '../../../shared/errors.js'
import { refusal } from '../../support/errors.js'
import { simulated } from '../../support/simulated.js'
import { answeredBy, descriptorsOf, type FakeAnswers, fakeNative, isOpen } from './device-support.js'

const EPERM = -constants.errno.EPERM
const RANDOM = Uint8Array.from({ length: 256 }, (_, index) => index ^ 0x5a)

/** A file in the place of /dev/random: the kernel's own is left alone. */
let pool: string
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'pool-'))
  pool = join(directory, 'random')
  writeFileSync(pool, '')
  onTestFinished(() => rmSync(directory, { recursive: true }))
})

/** A module that gives these bytes, and shows what became of them. */
function giving(random: Uint8Array): { nsm: Nsm; given: Uint8Array } {
  const given = random.slice()
  const nsm: Nsm = {
    request: async () => ({ type: 'GetRandom', random: given }) as never,
    close: () => undefined,
  }
  return { nsm, given }
}

describe("feeding the kernel's pool", () => {
  it('adds 256 bytes with credit', async () => {
    const { native, entropy } = fakeNative({})
    await feedEntropy(giving(RANDOM).nsm, { native, path: '/dev/null' })
    expect(entropy).toEqual([{ bytes: RANDOM, device: statSync('/dev/null').rdev }])
  })

  it('writes nothing once they have been credited', async () => {
    await feedEntropy(giving(RANDOM).nsm, { native: fakeNative({}).native, path: pool })
    expect(readFileSync(pool)).toHaveLength(0)
  })

  it('writes them without credit when that is not permitted', async () => {
    const { native, entropy } = fakeNative({ addEntropy: () => EPERM })
    await feedEntropy(giving(RANDOM).nsm, { native, path: pool })
    expect(entropy).toHaveLength(1)
    expect(new Uint8Array(readFileSync(pool))).toEqual(RANDOM)
  })

  it.each([0, 255, 257, 512])('%d bytes are refused', async (length) => {
    const { native, entropy } = fakeNative({})
    const bytes = Uint8Array.from({ length }, (_, index) => index & 0xff)
    const error = await refusal(() => feedEntropy(giving(bytes).nsm, { native, path: pool }))
    expect(error).toMatchObject({ name: 'NsmError', code: 'ERR_NSM_INVALID_RESPONSE' })
    expect(error.message).toContain(`${length} random bytes instead of 256`)
    expect(entropy).toEqual([])
  })

  it.each([0, 0xff])('bytes that are all %d are refused', async (byte) => {
    const { native, entropy } = fakeNative({})
    const { nsm } = giving(new Uint8Array(256).fill(byte))
    const error = await refusal(() => feedEntropy(nsm, { native, path: pool }))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringMatching(/all alike/),
    })
    expect(entropy).toEqual([])
  })

  it('takes bytes of which all but one are alike', async () => {
    const { native, entropy } = fakeNative({})
    await feedEntropy(giving(new Uint8Array(256).with(255, 1)).nsm, { native, path: pool })
    expect(entropy).toHaveLength(1)
  })

  it.each<[string, FakeAnswers]>([
    ['after they were added', {}],
    ['after they were written', { addEntropy: () => EPERM }],
    ['after a failure', { addEntropy: () => -constants.errno.EINVAL }],
  ])('zeroes its bytes %s', async (_, answers) => {
    const { nsm, given } = giving(RANDOM)
    await feedEntropy(nsm, { native: fakeNative(answers).native, path: pool }).catch(() => undefined)
    expect(given).toEqual(new Uint8Array(256))
  })

  it.each(['EINVAL', 'ENOTTY', 'EFAULT'] as const)('%s is the cause of ERR_ENTROPY', async (code) => {
    const { native } = fakeNative({ addEntropy: () => -constants.errno[code] })
    const error = await refusal(() => feedEntropy(giving(RANDOM).nsm, { native, path: pool }))
    expect(error).toBeInstanceOf(OperationError)
    expect(error).toMatchObject({
      code: 'ERR_ENTROPY',
      message: expect.stringContaining(code),
      cause: { code },
    })
    expect(readFileSync(pool)).toHaveLength(0)
  })

  it('does not make the device when it is missing', async () => {
    rmSync(pool)
    const { native, entropy } = fakeNative({})
    const error = await refusal(() => feedEntropy(giving(RANDOM).nsm, { native, path: pool }))
    expect(error).toMatchObject({
      code: 'ERR_ENTROPY',
      message: expect.stringMatching(/ENOENT/),
      cause: { code: 'ENOENT' },
    })
    expect(entropy).toEqual([])
    expect(readdirSync(join(pool, '..'))).toEqual([])
  })

  it.each<[string, FakeAnswers]>([
    ['success', {}],
    ['failure', { addEntropy: () => -constants.errno.EINVAL }],
  ])('leaves no descriptor open after %s', async (_, answers) => {
    await feedEntropy(giving(RANDOM).nsm, { native: fakeNative(answers).native, path: pool }).catch(
      () => undefined,
    )
    expect(descriptorsOf(realpathSync(pool))).toBe(0)
  })
})

describe('opening the module', () => {
  const machine = (answers: FakeAnswers) => {
    const fake = fakeNative(answers)
    return { ...fake, machine: { path: '/dev/null', randomPath: pool, loadNative: () => fake.native } }
  }

  it('feeds the pool from it first, and gives an Nsm', async () => {
    const { device } = await simulated()
    const { entropy, requests, machine: on } = machine({ nsmRequest: answeredBy(device) })
    const nsm = await openNsmOn(on)
    onTestFinished(() => nsm.close())
    expect(entropy).toMatchObject([{ bytes: { length: 256 } }])
    expect(requests).toMatchObject([{ request: encodeCbor('GetRandom') }])
    expect(await nsm.request({ type: 'DescribeNSM' })).toMatchObject({ maxPcrs: 32 })
  })

  it.each<[string, FakeAnswers, string]>([
    ['whose device fails', { nsmRequest: () => -constants.errno.EIO }, 'ERR_NSM_DEVICE'],
    [
      'that refuses',
      { nsmRequest: (_, done) => answerLater(done, encodeCbor(new Map([['Error', 'InternalError']]))) },
      'ERR_NSM_INTERNAL_ERROR',
    ],
    [
      'whose generator is broken',
      {
        nsmRequest: (_, done) =>
          answerLater(done, encodeCbor(new Map([['GetRandom', new Map([['random', new Uint8Array(256)]])]]))),
      },
      'ERR_NSM_INVALID_RESPONSE',
    ],
  ])('%s fails, and gives the device back', async (_, answers, code) => {
    const { requests, machine: on } = machine(answers)
    expect((await refusal(() => openNsmOn(on))).code).toBe(code)
    await turn()
    expect(isOpen(requests[0]?.fd ?? 0)).toBe(false)
  })

  it('whose bytes cannot be fed fails, and gives the device back', async () => {
    const { device } = await simulated()
    const { requests, machine: on } = machine({
      nsmRequest: answeredBy(device),
      addEntropy: () => -constants.errno.EINVAL,
    })
    expect((await refusal(() => openNsmOn(on))).code).toBe('ERR_ENTROPY')
    await turn()
    expect(isOpen(requests[0]?.fd ?? 0)).toBe(false)
  })
})

describe('the module of this machine', () => {
  const variables = ['NSM_DEVICE', 'NSM_PATH', 'NITRO_ENCLAVE_NSM', 'NSM']
  beforeEach(() => {
    for (const name of variables) process.env[name] = '/dev/null'
  })
  afterEach(() => {
    for (const name of variables) delete process.env[name]
  })

  it.skipIf(readdirSync('/dev').includes('nsm'))('is /dev/nsm, whatever the environment says', async () => {
    const error = await refusal(() => openNsm())
    expect(error).toMatchObject({
      code: 'ERR_NSM_UNAVAILABLE',
      message: expect.stringMatching(/no Nitro Secure Module at \/dev\/nsm:/),
    })
  })
})

function answerLater(done: (answer: Uint8Array) => void, answer: Uint8Array): number {
  setImmediate(done, answer)
  return 0
}
