import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describePcr, describePcrs, extendPcr, lockPcr, lockPcrs } from '../../../enclave/nsm/registers.js'
import type { NsmRequest } from '../../../enclave/nsm/requests.js'
import { parseAttestation } from '../../../shared/attestation/document.js'
import { refusal } from '../../support/errors.js'
import { simulated } from '../../support/simulated.js'
import { scriptedModule } from './scripted-module.js'

const ZERO = new Uint8Array(48)
const HELLO = new Uint8Array(Buffer.from('hello'))

function sha384(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash('sha384').update(Buffer.concat(parts)).digest())
}

describe('a register', () => {
  it('is described with its index, value and lock', async () => {
    const { nsm, identity } = await simulated()
    expect(await describePcr(nsm, 0)).toEqual({ index: 0, value: identity.pcrs.get(0), locked: true })
    expect(await describePcr(nsm, 31)).toEqual({ index: 31, value: ZERO, locked: false })
  })

  it('becomes SHA-384 of its old value and the data, however long that is', async () => {
    const { nsm } = await simulated()
    const data = fc.uint8Array({ maxLength: 4_068 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 16, max: 31 }), data, async (index, bytes) => {
        const { value } = await describePcr(nsm, index)
        const extended = await extendPcr(nsm, index, bytes)
        expect(extended).toEqual(sha384(value, bytes))
        expect(await describePcr(nsm, index)).toEqual({ index, value: extended, locked: false })
      }),
    )
  })

  it.each([
    [16, 4_069],
    [23, 4_069],
    [24, 4_068],
    [31, 4_068],
  ])('PCR%d takes %d bytes, and no more', async (index, length) => {
    const { nsm } = await simulated()
    const data = new Uint8Array(length).fill(1)
    expect(await extendPcr(nsm, index, data)).toEqual(sha384(ZERO, data))
    const error = await refusal(() => extendPcr(nsm, index, new Uint8Array(length + 1)))
    expect(error).toMatchObject({
      name: 'UsageError',
      code: 'ERR_USAGE',
      message: `data: ${length + 1} bytes; the module takes ${length} at most`,
    })
  })

  it('is locked, and then cannot be extended or locked', async () => {
    const { nsm } = await simulated()
    await lockPcr(nsm, 16)
    expect(await describePcr(nsm, 16)).toMatchObject({ locked: true })
    for (const again of [() => extendPcr(nsm, 16, HELLO), () => lockPcr(nsm, 16)])
      expect(await refusal(again)).toMatchObject({ name: 'NsmError', code: 'ERR_NSM_READ_ONLY_INDEX' })
  })
})

describe('all registers', () => {
  it('are described in order', async () => {
    const { nsm, identity } = await simulated()
    const value = await extendPcr(nsm, 20, HELLO)
    const registers = await describePcrs(nsm)
    expect(registers.map(({ index }) => index)).toEqual(Array.from({ length: 32 }, (_, index) => index))
    expect(registers.map(({ locked }) => locked)).toEqual(registers.map(({ index }) => index < 16))
    for (const { index, value: found } of registers)
      expect(found).toEqual(index === 20 ? value : (identity.pcrs.get(index) ?? ZERO))
  })

  it.each([0, 16, 21, 32])(
    'below %d are locked at once, those that were locked among them',
    async (range) => {
      const { nsm } = await simulated()
      await lockPcrs(nsm, range)
      const open = (await describePcrs(nsm)).filter(({ locked }) => !locked).map(({ index }) => index)
      expect(open).toEqual(
        Array.from({ length: 32 - Math.max(range, 16) }, (_, i) => Math.max(range, 16) + i),
      )
    },
  )

  it('that are locked are what a document carries', async () => {
    const { nsm } = await simulated()
    const value = await extendPcr(nsm, 17, HELLO)
    await lockPcrs(nsm, 18)
    const { document } = await nsm.request({ type: 'Attestation' })
    expect(parseAttestation(document).document.pcrs.get(17)).toEqual(value)
  })
})

describe('an argument', () => {
  const silent = () =>
    scriptedModule((request: NsmRequest) => {
      throw new Error(`${request.type} was asked`)
    })

  it.each([-1, 32, 0.5, Number.NaN, '16', undefined, null])(
    'index %o is named, and no module asked',
    async (index) => {
      const nsm = silent()
      const bad = index as number
      for (const call of [
        () => describePcr(nsm, bad),
        () => extendPcr(nsm, bad, HELLO),
        () => lockPcr(nsm, bad),
      ]) {
        const error = await refusal(call)
        expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
        expect(error.message).toMatch(/^index: .* is not a whole number from 0 to 31$/)
      }
      expect(nsm.requests).toHaveLength(0)
    },
  )

  it.each([-1, 33, 0.5, '16', undefined])('range %o is named, and no module asked', async (range) => {
    const nsm = silent()
    const error = await refusal(() => lockPcrs(nsm, range as number))
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
    expect(error.message).toMatch(/^range: .* is not a whole number from 0 to 32$/)
    expect(nsm.requests).toHaveLength(0)
  })

  it.each(['text', [1, 2], undefined, new ArrayBuffer(4)])('data %o is named', async (data) => {
    const nsm = silent()
    expect(await refusal(() => extendPcr(nsm, 16, data as unknown as Uint8Array))).toMatchObject({
      code: 'ERR_USAGE',
      message: 'data: not a Uint8Array',
    })
    expect(nsm.requests).toHaveLength(0)
  })

  it('nsm is named', async () => {
    const nsm = undefined as never
    for (const call of [
      () => describePcr(nsm, 0),
      () => describePcrs(nsm),
      () => extendPcr(nsm, 16, HELLO),
      () => lockPcr(nsm, 16),
      () => lockPcrs(nsm, 16),
    ])
      expect(await refusal(call)).toMatchObject({
        code: 'ERR_USAGE',
        message: 'nsm: not a Nitro Secure Module',
      })
  })
})

describe('an answer', () => {
  const broken = { name: 'NsmError', code: 'ERR_NSM_INVALID_RESPONSE' }

  it.each([new Uint8Array(), new Uint8Array(47), new Uint8Array(49), 'text', undefined])(
    'with the register %o is refused',
    async (data) => {
      const nsm = scriptedModule(() => ({ lock: true, data }))
      expect(await refusal(() => describePcr(nsm, 5))).toMatchObject({
        ...broken,
        message: expect.stringContaining('PCR5'),
      })
      expect(await refusal(() => extendPcr(nsm, 16, HELLO))).toMatchObject(broken)
      expect(await refusal(() => describePcrs(nsm))).toMatchObject(broken)
    },
  )

  it.each([undefined, 1, 'true'])('with the lock %o is refused', async (lock) => {
    const nsm = scriptedModule(() => ({ lock, data: ZERO }))
    expect(await refusal(() => describePcr(nsm, 5))).toMatchObject(broken)
  })
})
