import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Certificate } from '../../shared/certificate.js'
import { type CertificatePath, verifyCertificatePath } from '../../shared/certificate-path.js'
import type { Primitives } from '../../shared/crypto/primitives.js'
import { NitroEnclaveError } from '../../shared/errors.js'
import { KnownCertificates, KnownRoots } from '../../shared/known-certificates.js'
import { type Chain, NOW, TO } from '../support/certificates.js'
import { code } from '../support/errors.js'
import {
  buildWorlds,
  counted,
  follow,
  type Key,
  later,
  type Path,
  rounds,
  type World,
  worlds,
} from './known-certificates-pool.js'

let chains: Readonly<Record<World, Chain>>
let roots: readonly Uint8Array[]
beforeAll(async () => {
  chains = await buildWorlds()
  roots = worlds.map((world) => chains[world].root)
})

/** A memory, and what it costs to verify with it. */
function memory(capacity = 100, Memory = KnownCertificates<Key>) {
  const known = new Memory(capacity)
  return {
    known,
    cost: async ({ cabundle, certificate }: Path, at = NOW) => {
      const { counts, primitives } = counted()
      const path = { cabundle, certificate, roots, at }
      await verifyCertificatePath(path, primitives, known)
      return counts
    },
  }
}
const isFound = (known: KnownCertificates<Key>, der: Uint8Array) => known.find(der) !== undefined
const of = (world: World) => chains[world]
const authorities = (path: Path) => path.cabundle

describe('a path that was verified', () => {
  it('costs nothing the second time', async () => {
    const { cost } = memory()
    expect(await cost(of('good'))).toEqual({ imports: 5, verifications: 4 })
    expect(await cost(of('good'))).toEqual({ imports: 0, verifications: 0 })
  })

  it('leaves to another leaf under it the leaf alone', async () => {
    const { cost } = memory()
    const { cabundle, certificate } = of('another leaf')
    await cost({ cabundle, certificate })
    const sibling = { cabundle, certificate: of('good').certificate }
    expect(await cost(sibling)).toEqual({ imports: 1, verifications: 1 })
  })

  it('is not trusted beyond its time', async () => {
    const { cost } = memory()
    await cost(of('good'))
    expect(await code(() => cost(of('good'), later(TO, 1)))).toBe('ERR_CERTIFICATE_EXPIRED')
  })

  it('is remembered by its bytes as they were', async () => {
    const { known, cost } = memory()
    const cabundle = of('good').cabundle.map((der) => Uint8Array.from(der))
    const certificate = Uint8Array.from(of('good').certificate)
    await cost({ cabundle, certificate })
    for (const der of [...cabundle, certificate]) der.fill(0)
    expect(await cost(of('good'))).toEqual({ imports: 0, verifications: 0 })
    expect(isFound(known, certificate)).toBe(false)
  })
})

describe('a certificate that was verified', () => {
  it('is not found by its last bytes alone', async () => {
    const { known, cost } = memory()
    await cost(of('good'))
    const altered = Uint8Array.from(of('good').certificate)
    altered[100] = (altered[100] ?? 0) ^ 1
    expect(isFound(known, of('good').certificate)).toBe(true)
    expect(isFound(known, altered)).toBe(false)
  })

  it('is verified again under another certificate of its issuer’s key', async () => {
    const { cost } = memory()
    await cost(of('good'))
    const [root, , zonal, instance] = authorities(of('good'))
    const [, regional] = authorities(of('a regional of the same name and key'))
    const path = [root, regional, zonal, instance].filter((der) => der !== undefined)
    const { certificate } = of('good')
    expect(await cost({ cabundle: path, certificate })).toEqual({ imports: 1, verifications: 2 })
  })

  it('is refused under an issuer of the same name and another key', async () => {
    const { cost } = memory()
    await cost(of('good'))
    await cost(of('a zonal of the same name'))
    const [root, regional, zonal] = authorities(of('a zonal of the same name'))
    const [, , , instance] = authorities(of('good'))
    const cabundle = [root, regional, zonal, instance].filter((der) => der !== undefined)
    expect(await code(() => cost({ cabundle, certificate: of('good').certificate }))).toBe(
      'ERR_CERTIFICATE_SIGNATURE',
    )
  })

  it('as an authority is no leaf', async () => {
    const { cost } = memory()
    await cost(of('good'))
    const [root, regional, zonal, instance] = of('good').cabundle
    const cabundle = [root, regional, zonal].filter((der) => der !== undefined)
    const path = { cabundle, certificate: instance ?? new Uint8Array() }
    expect(await code(() => cost(path))).toBe('ERR_CERTIFICATE_IS_CA')
  })

  it('of a short path has its path length counted anew in a long one', async () => {
    const { cost } = memory()
    const { cabundle, certificate } = of('a leaf of a regional that has no authorities below it')
    expect(await cost({ cabundle: cabundle.slice(0, 2), certificate })).toEqual({
      imports: 3,
      verifications: 2,
    })
    const path = { cabundle, certificate: of('good').certificate }
    expect(await code(() => cost(path))).toBe('ERR_CERTIFICATE_PATH_LENGTH')
  })

  it('as a root is nobody’s subordinate for that', async () => {
    const { cost } = memory()
    await cost(of('good'))
    const cabundle = [of('a root of the same name').root, ...of('good').cabundle]
    expect(await code(() => cost({ cabundle, certificate: of('good').certificate }))).toBe(
      'ERR_CERTIFICATE_SIGNATURE',
    )
  })
})

describe('what is remembered', () => {
  it('is nothing of a path that was refused', async () => {
    const { known, cost } = memory()
    const { cabundle } = of('good')
    await code(() => cost({ cabundle, certificate: of('a leaf that is an authority').certificate }))
    await code(() => cost(of('good'), later(TO, 1)))
    expect(cabundle.filter((der) => isFound(known, der))).toEqual([])
  })

  it('is as much as there is room for, and what was used last', async () => {
    const { known, cost } = memory(6)
    await cost(of('good'))
    await cost(of('again, signed anew'))
    const found = (world: World) =>
      [...of(world).cabundle, of(world).certificate].map((der) => isFound(known, der))
    expect(found('good')).toEqual([false, false, false, false, true])
    expect(found('again, signed anew')).toEqual([true, true, true, true, true])
  })

  it('stays while it is used', async () => {
    const { known, cost } = memory(6)
    await cost(of('good'))
    const [, regional = new Uint8Array()] = of('good').cabundle
    known.find(regional)
    await cost(of('again, signed anew'))
    expect(isFound(known, regional)).toBe(true)
    expect(isFound(known, of('good').certificate)).toBe(false)
  })

  it('of roots alone is the roots', async () => {
    const { cost } = memory(2, KnownRoots)
    await cost(of('good'))
    expect(await cost(of('good'))).toEqual({ imports: 4, verifications: 4 })
  })
})

const asText = (certificates: readonly Certificate[]) =>
  JSON.stringify(certificates, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )

it('changes no outcome, in whatever order, interleaving, time, and under whatever roots', async () => {
  const verdicts = new Map<string, Promise<string>>()
  const outcome = async (
    path: CertificatePath,
    primitives: Primitives<Key>,
    known?: KnownCertificates<Key>,
  ) => {
    try {
      return asText((await verifyCertificatePath(path, primitives, known)).certificates)
    } catch (error) {
      if (error instanceof NitroEnclaveError) return `${error.code}: ${error.message}`
      throw error
    }
  }
  await fc.assert(
    fc.asyncProperty(
      rounds,
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom(KnownCertificates<Key>, KnownRoots<Key>),
      fc.scheduler(),
      async (asked, capacity, Memory, scheduler) => {
        const known = new Memory(capacity)
        const plain = counted().primitives
        const hurried = counted(() => scheduler.schedule(Promise.resolve())).primitives
        for (const questions of asked) {
          const answers = questions.map(async ({ recipe, trusted, at }) => {
            const path = { ...follow(recipe, chains), roots: trusted.map((world) => chains[world].root), at }
            const name = JSON.stringify([recipe, trusted, at])
            const verdict = verdicts.get(name) ?? outcome(path, plain)
            verdicts.set(name, verdict)
            expect(await outcome(path, hurried, known)).toBe(await verdict)
          })
          await scheduler.waitFor(Promise.all(answers))
        }
      },
    ),
    { numRuns: 100 },
  )
})
