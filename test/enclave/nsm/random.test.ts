import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { feedEntropy } from '../../../enclave/nsm/entropy.js'
import { getRandom } from '../../../enclave/nsm/random.js'
import type { Nsm } from '../../../enclave/nsm/requests.js'
import { NsmError } from '../../../shared/errors.js'
import { code, refusal } from '../../support/errors.js'
import { simulated } from '../../support/simulated.js'
import { fakeNative } from './device-support.js'
import { scriptedModule } from './scripted-module.js'

/** A sound generator, and what it gave. */
function generator() {
  const given: Uint8Array[] = []
  const copies: Uint8Array[] = []
  const nsm = scriptedModule(() => {
    const random = new Uint8Array(randomBytes(256))
    given.push(random)
    copies.push(random.slice())
    return { type: 'GetRandom', random }
  })
  return { nsm, given, copies }
}

const giving = (random: unknown) => scriptedModule(() => ({ type: 'GetRandom', random }))

describe('random bytes', () => {
  it("are the module's own, in as many requests as they take, whatever their number", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3_000 }), async (length) => {
        const { nsm, copies } = generator()
        const bytes = await getRandom(nsm, length)
        expect(bytes).toEqual(new Uint8Array(Buffer.concat(copies).subarray(0, length)))
        expect(nsm.requests).toHaveLength(Math.ceil(length / 256))
      }),
    )
  })

  it('are 65,536 at most', async () => {
    const { nsm } = generator()
    expect(await getRandom(nsm, 65_536)).toHaveLength(65_536)
    expect(nsm.requests).toHaveLength(256)
    expect(await code(() => getRandom(nsm, 65_537))).toBe('ERR_USAGE')
    expect(nsm.requests).toHaveLength(256)
  })

  it('come from a simulated module, too, others every time', async () => {
    const { nsm } = await simulated()
    expect(await getRandom(nsm, 1_000)).toHaveLength(1_000)
    expect(await getRandom(nsm, 32)).not.toEqual(await getRandom(nsm, 32))
  })

  it('leave nothing of themselves in the answers', async () => {
    const { nsm, given } = generator()
    await getRandom(nsm, 700)
    for (const block of given) expect(block).toEqual(new Uint8Array(256))
  })

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, '32', undefined, null, 32n])(
    'are not asked for when their number is %o, and the argument is named',
    async (length) => {
      const { nsm } = generator()
      const error = await refusal(() => getRandom(nsm, length as number))
      expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
      expect(error.message).toMatch(/^length: /)
      expect(nsm.requests).toHaveLength(0)
    },
  )

  it.each([undefined, null, {}, 'nsm'])('need a module, which %o is not', async (nsm) => {
    expect(await refusal(() => getRandom(nsm as unknown as Nsm, 1))).toMatchObject({
      code: 'ERR_USAGE',
      message: 'nsm: not a Nitro Secure Module',
    })
  })
})

describe('a generator', () => {
  const broken = { name: 'NsmError', code: 'ERR_NSM_INVALID_RESPONSE' }
  const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => index & 0xff)

  it.each([0, 1, 255, 257, 12_000])('that gives %d bytes is refused, and not asked again', async (length) => {
    const nsm = giving(bytes(length))
    const error = await refusal(() => getRandom(nsm, 1_024))
    expect(error).toMatchObject(broken)
    expect(error.message).toContain(`${length} random bytes instead of 256`)
    expect(nsm.requests).toHaveLength(1)
  })

  it.each([undefined, null, 'random', [1, 2, 3]])('that gives %o is refused', async (random) => {
    expect(await refusal(() => getRandom(giving(random), 1))).toMatchObject(broken)
  })

  it.each([0, 0xff])('that gives nothing but %d is refused', async (byte) => {
    const error = await refusal(() => getRandom(giving(new Uint8Array(256).fill(byte)), 1))
    expect(error).toMatchObject({ ...broken, message: expect.stringContaining('all alike') })
  })

  it('that repeats itself within a call is refused', async () => {
    const nsm = scriptedModule(() => ({ type: 'GetRandom', random: bytes(256) }))
    const error = await refusal(() => getRandom(nsm, 257))
    expect(error).toMatchObject({ ...broken, message: expect.stringContaining('same random bytes twice') })
    expect(nsm.requests).toHaveLength(2)
  })

  it('that repeats itself in the next call is refused', async () => {
    const nsm = scriptedModule(() => ({ type: 'GetRandom', random: bytes(256) }))
    await getRandom(nsm, 16)
    expect(await refusal(() => getRandom(nsm, 16))).toMatchObject(broken)
  })

  it("that repeats what the kernel's pool was fed is refused", async () => {
    const nsm = scriptedModule(() => ({ type: 'GetRandom', random: bytes(256) }))
    await feedEntropy(nsm, { native: fakeNative({}).native, path: '/dev/null' })
    expect(await refusal(() => getRandom(nsm, 16))).toMatchObject(broken)
  })

  it('may give what another module gave', async () => {
    await getRandom(giving(bytes(256)), 16)
    expect(await getRandom(giving(bytes(256)), 16)).toEqual(bytes(16))
  })

  it.each([
    ['alike', new Uint8Array(256).fill(7)],
    ['too few', bytes(255)],
  ])('has its bytes zeroed when they are refused: %s', async (_, random) => {
    await refusal(() => getRandom(giving(random), 1))
    expect(random.every((byte) => byte === 0)).toBe(true)
  })

  it('that fails on the way gives its own error', async () => {
    const failure = new NsmError('ERR_NSM_INTERNAL_ERROR', 'refused')
    const nsm = scriptedModule((_, nth) => {
      if (nth === 2) throw failure
      return { type: 'GetRandom', random: new Uint8Array(randomBytes(256)) }
    })
    await expect(getRandom(nsm, 1_024)).rejects.toBe(failure)
  })
})
