/** Chains that differ in one thing each and share their keys: any certificate of one can stand in another's place. */
import fc from 'fast-check'
import { nodePrimitives } from '../../shared/crypto/node.js'
import type { Primitives } from '../../shared/crypto/primitives.js'
import {
  buildChain,
  type Chain,
  type Difference,
  FROM,
  KeyUsageFlags,
  keysOf,
  makeKeys,
  NOW,
  PLACES,
  type Place,
  TO,
} from '../support/certificates.js'

export const HOUR = 3_600_000
export const later = (date: Date, milliseconds: number) => new Date(date.getTime() + milliseconds)

const WORLDS = {
  good: {},
  'again, signed anew': Object.fromEntries(PLACES.map((place) => [place, { notBefore: later(FROM, 1000) }])),
  'a root of the same name and key': { root: { notAfter: later(TO, HOUR) } },
  'a root of the same name': { root: { keys: await makeKeys() } },
  'a regional of the same name and key': { regional: { notAfter: later(TO, HOUR) } },
  'a zonal of the same name': { zonal: { keys: await makeKeys() } },
  'a zonal of another name': { zonal: { name: 'CN=elsewhere' } },
  'another leaf': { leaf: { keys: await makeKeys() } },
  'an instance that expires': { instance: { notAfter: later(NOW, HOUR) } },
  'a leaf that starts late': { leaf: { notBefore: later(NOW, HOUR) } },
  'a zonal that is no authority': { zonal: { ca: false, pathLength: null } },
  'a regional with too short a path': { regional: { pathLength: 1 } },
  'an instance that may not sign certificates': { instance: { usages: KeyUsageFlags.digitalSignature } },
  // Good without the two between them.
  'a leaf of a regional that has no authorities below it': {
    regional: { pathLength: 0 },
    leaf: { signedBy: await keysOf('regional'), issuerName: 'C=US, O=test, CN=regional.test' },
  },
  'a leaf that is an authority': { leaf: { ca: true, usages: KeyUsageFlags.digitalSignature } },
} satisfies Record<string, Partial<Record<Place, Difference>>>
export type World = keyof typeof WORLDS
export const worlds = Object.keys(WORLDS) as World[]

export async function buildWorlds(): Promise<Readonly<Record<World, Chain>>> {
  const chains = await Promise.all(
    worlds.map(async (world) => [world, await buildChain(WORLDS[world])] as const),
  )
  return Object.fromEntries(chains) as Record<World, Chain>
}

export interface Path {
  readonly cabundle: readonly Uint8Array[]
  readonly certificate: Uint8Array
}

/** Each certificate from the base, but for some from elsewhere; then perhaps two exchanged, some left out, one bit wrong. */
export interface Recipe {
  readonly base: World
  readonly replaced: Readonly<Partial<Record<Place, World>>>
  readonly exchanged: readonly [number, number] | null
  readonly without: readonly number[]
  readonly flipped: readonly [place: number, byte: number] | null
}

const sometimes = <Value, Nil>(arbitrary: fc.Arbitrary<Value>, nil: Nil) =>
  fc.option(arbitrary, { freq: 4, nil })
const position = fc.nat(PLACES.length - 1)

/** Of a few worlds at a time, so that their certificates meet again. */
function recipesOf(few: readonly World[]): fc.Arbitrary<Recipe> {
  const world = fc.constantFrom(...few)
  const good: fc.Arbitrary<Recipe> = fc.record({
    base: world,
    replaced: fc.constant({}),
    exchanged: fc.constant(null),
    without: fc.constant([]),
    flipped: fc.constant(null),
  })
  const any: fc.Arbitrary<Recipe> = fc.record({
    base: world,
    replaced: fc.dictionary(fc.constantFrom(...PLACES), world, { maxKeys: 2 }),
    exchanged: sometimes(fc.tuple(position, position), null),
    without: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constantFrom([2, 3], [4]) },
      { weight: 1, arbitrary: fc.subarray([0, 1, 2, 3, 4], { maxLength: 4 }) },
    ),
    flipped: sometimes(fc.tuple(position, fc.nat(1023)), null),
  })
  return fc.oneof(good, any)
}

export interface Question {
  readonly recipe: Recipe
  /** The roots of these worlds are trusted. */
  readonly trusted: readonly World[]
  readonly at: Date
}

/** Around every moment at which something of the pool begins or ends. */
const moments = fc
  .tuple(fc.constantFrom(FROM, NOW, later(NOW, HOUR), TO, later(TO, HOUR)), fc.constantFrom(-1, 0, 1))
  .map(([moment, milliseconds]) => later(moment, milliseconds))

const mostly = <Value>(value: Value, others: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: others })

/** Rounds of questions that are asked at the same time. */
export const rounds: fc.Arbitrary<readonly (readonly Question[])[]> = fc
  .subarray(worlds, { minLength: 1, maxLength: 3 })
  .chain((few) => {
    const trusted: fc.Arbitrary<readonly World[]> = mostly(worlds, fc.subarray(few))
    const question = fc.record({ recipe: recipesOf(few), trusted, at: mostly(NOW, moments) })
    const round = fc.array(question, { minLength: 1, maxLength: 3 })
    return fc.array(round, { minLength: 2, maxLength: 6 })
  })

export function follow(recipe: Recipe, chains: Readonly<Record<World, Chain>>): Path {
  const path = PLACES.map((place, index) => {
    const { cabundle, certificate } = chains[recipe.replaced[place] ?? recipe.base]
    return Uint8Array.from(cabundle[index] ?? certificate)
  })
  const [first, second] = recipe.exchanged ?? [0, 0]
  const [one, other] = [path[first], path[second]]
  if (one !== undefined && other !== undefined) path.splice(first, 1, other)
  if (one !== undefined && other !== undefined) path.splice(second, 1, one)
  const [place, byte] = recipe.flipped ?? [0, 0]
  const flipped = recipe.flipped && path[place]
  if (flipped) flipped[byte % flipped.length] = (flipped[byte % flipped.length] ?? 0) ^ 1
  const kept = path.filter((_, index) => !recipe.without.includes(index))
  const certificate = kept.pop() ?? new Uint8Array()
  return { cabundle: kept, certificate }
}

export interface Counts {
  imports: number
  verifications: number
}

export interface Key {
  readonly point: Uint8Array
  readonly key: Awaited<ReturnType<typeof nodePrimitives.importKey>>
}

const verified = new Map<string, Promise<boolean>>()
const text = (...parts: readonly Uint8Array[]) =>
  parts.map((part) => Buffer.from(part).toString('latin1')).join()

/** Node's primitives, counted, and in no haste: other calls come between whenever `turn` says so. */
export function counted(turn: () => Promise<unknown> = async () => {}) {
  const counts: Counts = { imports: 0, verifications: 0 }
  const primitives: Primitives<Key> = {
    ...nodePrimitives,
    importKey: async (point) => {
      counts.imports++
      await turn()
      return { point, key: await nodePrimitives.importKey(point) }
    },
    verify: async ({ point, key }, data, signature) => {
      counts.verifications++
      await turn()
      // Node is asked once for each key, data and signature: the same questions come thousands of times.
      const asked = text(point, data, signature)
      const answer = verified.get(asked) ?? (async () => nodePrimitives.verify(key, data, signature))()
      verified.set(asked, answer)
      return await answer
    },
  }
  return { counts, primitives }
}
