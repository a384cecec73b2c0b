import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PcrBank, type PcrSnapshot } from '../../simulator/pcr-bank.js'
import { refusal } from '../support/errors.js'

const fresh = () => new PcrBank({ pcrs: new Map(), instanceId: 'i-simulated0' })

describe('a snapshot', () => {
  it('brings back every value and lock, in another bank, whatever happened before', async () => {
    const step = fc.record({
      index: fc.integer({ min: 16, max: 31 }),
      data: fc.option(fc.uint8Array({ maxLength: 8 })),
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const bank = fresh()
        for (const { index, data } of steps) data === null ? bank.lock(index) : bank.extend(index, data)
        const other = fresh()
        other.extend(31, Uint8Array.of(1))
        other.lock(30)
        other.restore(bank.snapshot())
        expect(other.snapshot()).toEqual(bank.snapshot())
        expect(other.locked()).toEqual(bank.locked())
      }),
    )
  })

  it('does not follow what is extended and locked later', () => {
    const bank = fresh()
    const before = bank.snapshot()
    bank.extend(16, Uint8Array.of(1))
    bank.lock(16)
    expect(before[16]).toEqual({ value: new Uint8Array(48), locked: false })
    bank.restore(before)
    bank.extend(16, Uint8Array.of(2))
    expect(before[16]).toEqual({ value: new Uint8Array(48), locked: false })
  })

  it('is its own: who writes into it, before or after it is brought back, changes no register', () => {
    const bank = fresh()
    bank.snapshot()[16]?.value.fill(9)
    expect(bank.read(16).value).toEqual(new Uint8Array(48))
    const snapshot = bank.snapshot()
    bank.restore(snapshot)
    snapshot[16]?.value.fill(9)
    expect(bank.read(16).value).toEqual(new Uint8Array(48))
  })

  it.each<[string, (snapshot: PcrSnapshot) => PcrSnapshot]>([
    ['of 31 registers', (snapshot) => snapshot.slice(1)],
    ['of 33 registers', (snapshot) => [...snapshot, { value: new Uint8Array(48), locked: true }]],
    [
      'with a register of 47 bytes',
      (snapshot) => snapshot.with(31, { value: new Uint8Array(47), locked: true }),
    ],
  ])('%s is refused, and changes nothing', async (_, spoilt) => {
    const bank = fresh()
    const before = bank.snapshot()
    const all = spoilt(before.map(() => ({ value: new Uint8Array(48).fill(1), locked: true })))
    expect(await refusal(() => bank.restore(all))).toMatchObject({ code: 'ERR_USAGE' })
    expect(bank.snapshot()).toEqual(before)
  })
})
