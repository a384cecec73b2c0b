import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAdmission, type LaneLimits, type SharedLimits } from '../../parent-proxy/admission.js'

const NONE = Number.POSITIVE_INFINITY
const shared: SharedLimits = { maxConnections: NONE, maxConnectionsPerCid: NONE, descriptors: NONE }
const lane: LaneLimits = { maxConnections: NONE, maxConnectionsPerCid: NONE, queue: NONE }

/** Connections by name: who is in, in the order in which they came in. */
const account = () => {
  const inside = new Map<string, () => void>()
  const start = (name: string) => (release: () => void) => void inside.set(name, release)
  const end = (name: string) => {
    inside.get(name)?.()
    inside.delete(name)
  }
  return { inside: () => [...inside.keys()], start, end }
}

describe.each([
  ['all', { ...shared, maxConnections: 2 }, lane],
  ['one listener', shared, { ...lane, maxConnections: 2 }],
  ['one CID', { ...shared, maxConnectionsPerCid: 2 }, lane],
  ['one CID on one listener', shared, { ...lane, maxConnectionsPerCid: 2 }],
])('a limit on %s', (_, sharedLimits, laneLimits) => {
  it('lets in so many; the others wait, and come in in their order', () => {
    const { inside, start, end } = account()
    const way = createAdmission(sharedLimits).addLane(laneLimits)
    for (const name of ['a', 'b', 'c', 'd']) expect(way.enter(16, start(name))).toBeDefined()
    expect(inside()).toEqual(['a', 'b'])
    expect([way.open, way.waiting]).toEqual([2, 2])
    end('b')
    expect(inside()).toEqual(['a', 'c'])
    end('a')
    expect(inside()).toEqual(['c', 'd'])
    expect([way.open, way.waiting]).toEqual([2, 0])
  })
})

it('sends away who finds the queue full', () => {
  const { start } = account()
  const way = createAdmission(shared).addLane({ ...lane, maxConnections: 1, queue: 1 })
  way.enter(16, start('a'))
  way.enter(16, start('b'))
  expect(way.enter(16, start('c'))).toBeUndefined()
  expect([way.open, way.waiting]).toEqual([1, 1])
})

it('sends away whom no descriptor is left for: two for each who is in, one for each who waits', () => {
  const { inside, start, end } = account()
  const way = createAdmission({ ...shared, descriptors: 5 }).addLane(lane)
  for (const name of ['a', 'b', 'c']) expect(way.enter(16, start(name))).toBeDefined()
  expect(way.enter(16, start('d'))).toBeUndefined()
  expect(inside()).toEqual(['a', 'b'])
  end('a')
  expect(inside()).toEqual(['b', 'c'])
})

it('lends an eighth of the descriptors, and none that others need', () => {
  const { inside, start, end } = account()
  const admission = createAdmission({ ...shared, descriptors: 16 })
  const way = admission.addLane(lane)
  const loans = [admission.borrow(), admission.borrow()]
  expect(loans.every(Boolean)).toBe(true)
  expect(admission.borrow()).toBeUndefined()
  for (let count = 0; count < 7; count += 1) way.enter(16, start(`${count}`))
  expect(way.enter(16, start('one more'))).toBeUndefined()
  end('0')
  way.enter(16, start('7'))
  way.enter(16, start('waits'))
  expect(inside()).toHaveLength(7)
  loans[0]?.()
  loans[0]?.()
  expect([way.open, way.waiting]).toEqual([7, 0])
})

it('forgets who has left the queue', () => {
  const { inside, start, end } = account()
  const way = createAdmission(shared).addLane({ ...lane, maxConnections: 1 })
  way.enter(16, start('a'))
  const leave = way.enter(16, start('b'))
  way.enter(16, start('c'))
  expect([leave?.(), leave?.()]).toEqual([true, false])
  end('a')
  expect(inside()).toEqual(['c'])
})

it('has nobody wait for the limit of another CID, or of another listener', () => {
  const { inside, start, end } = account()
  const admission = createAdmission({ ...shared, maxConnections: 3, maxConnectionsPerCid: 1 })
  const one = admission.addLane({ ...lane, maxConnections: 2 })
  const two = admission.addLane(lane)
  one.enter(16, start('16'))
  one.enter(16, start('16 again'))
  one.enter(17, start('17'))
  one.enter(18, start('18'))
  two.enter(18, start('18 elsewhere'))
  expect(inside()).toEqual(['16', '17', '18 elsewhere'])
  end('17')
  expect(inside()).toEqual(['16', '18 elsewhere'])
  end('16')
  expect(inside()).toEqual(['18 elsewhere', '16 again'])
})

it('counts a place once, however often it is given back', () => {
  const { start } = account()
  const way = createAdmission(shared).addLane({ ...lane, maxConnections: 2 })
  let giveBack = () => {}
  way.enter(16, (release) => {
    giveBack = release
  })
  way.enter(16, start('b'))
  giveBack()
  giveBack()
  expect(way.open).toBe(1)
})

it('lets in who waits when a limit is raised; a lower one ends nobody', () => {
  const { inside, start, end } = account()
  const admission = createAdmission({ ...shared, maxConnections: 1 })
  const way = admission.addLane({ ...lane, maxConnections: 1 })
  for (const name of ['a', 'b', 'c']) way.enter(undefined, start(name))
  admission.limit(shared)
  expect(inside()).toEqual(['a'])
  way.limit({ ...lane, maxConnections: 2 })
  expect(inside()).toEqual(['a', 'b'])
  way.limit({ ...lane, maxConnections: 1 })
  expect(inside()).toEqual(['a', 'b'])
  end('a')
  expect(inside()).toEqual(['b'])
})

it('keeps every limit, and forgets nobody, whatever happens in whatever order', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('enter' as const),
      lane: fc.nat(1),
      cid: fc.integer({ min: 16, max: 18 }),
    }),
    fc.record({ kind: fc.constant('end' as const), index: fc.nat() }),
    fc.record({ kind: fc.constant('leave' as const), index: fc.nat() }),
  )
  const limits = { maxConnections: 6, maxConnectionsPerCid: 3, descriptors: 13 }
  const ofLane = { maxConnections: 4, maxConnectionsPerCid: 2, queue: 3 }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const admission = createAdmission(limits)
      const lanes = [admission.addLane(ofLane), admission.addLane(ofLane)]
      const inside: { lane: number; cid: number; release: () => void }[] = []
      const outside: { lane: number; cid: number; leave: () => boolean }[] = []
      for (const one of steps) {
        if (one.kind === 'enter') {
          const { lane: index, cid } = one
          const entry = { lane: index, cid }
          const leave = lanes[index]?.enter(cid, (release) => {
            const at = outside.findIndex((waiting) => waiting.lane === index && waiting.cid === cid)
            if (at !== -1) outside.splice(at, 1)
            inside.push({ ...entry, release })
          })
          const waits = lanes.reduce((sum, { waiting }) => sum + waiting, 0) > outside.length
          if (leave && waits) outside.push({ ...entry, leave })
        } else if (one.kind === 'end') {
          if (inside.length > 0) inside.splice(one.index % inside.length, 1)[0]?.release()
        } else if (outside.length > 0) {
          expect(outside.splice(one.index % outside.length, 1)[0]?.leave()).toBe(true)
        }
        expect(admission.open).toBe(inside.length)
        expect(inside.length).toBeLessThanOrEqual(6)
        expect(2 * inside.length + outside.length).toBeLessThanOrEqual(13)
        for (const [index, { open, waiting }] of lanes.entries()) {
          expect(open).toBe(inside.filter((entry) => entry.lane === index).length)
          expect(open).toBeLessThanOrEqual(4)
          expect(waiting).toBe(outside.filter((entry) => entry.lane === index).length)
          expect(waiting).toBeLessThanOrEqual(3)
          for (const cid of [16, 17, 18]) {
            const own = inside.filter((entry) => entry.lane === index && entry.cid === cid).length
            expect(own).toBeLessThanOrEqual(2)
          }
        }
        // Nobody waits who could come in.
        for (const { lane: index, cid } of outside) {
          const all = inside.length >= 6
          const listener = (lanes[index]?.open ?? 0) >= 4
          const ofCid = inside.filter((entry) => entry.cid === cid)
          const perCid = ofCid.length >= 3 || ofCid.filter((entry) => entry.lane === index).length >= 2
          const descriptors = 2 * inside.length + outside.length + 1 > 13
          expect(all || listener || perCid || descriptors).toBe(true)
        }
      }
      while (inside.length > 0) inside.pop()?.release()
      expect(outside).toEqual([])
    }),
    { numRuns: 300 },
  )
})
