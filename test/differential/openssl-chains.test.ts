/** Chains of certificates judged by ours and by OpenSSL. */
import { beforeAll, expect, it } from 'vitest'
import { verifyCertificatePath } from '../../shared/certificate-path.js'
import { nodePrimitives } from '../../shared/crypto/node.js'
import { NitroEnclaveError } from '../../shared/errors.js'
import { buildChain, type Chain, NOW, type Place } from '../support/certificates.js'
import { withOpenSsl } from '../support/openssl.js'
import { type ChainCase, chainCases } from './chain-cases.js'
import { damagedAndSigned } from './chain-damage.js'
import { EXPLANATIONS } from './chain-disagreements.js'
import {
  ACCEPTED,
  type Comparison,
  expectAllExplained,
  expectExplained,
  refused,
  type Verdict,
} from './disagreements.js'
import { SEED, scaled, timeout } from './extent.js'
import { judgedByOpenSsl } from './openssl-chains.js'
import { randomness } from './randomness.js'

/** One process of OpenSSL judges any number of leaves, but each change of an authority needs one of its own. */
const LEAVES = scaled(300)
const AUTHORITIES = scaled(40)

type Judged = Pick<ChainCase, 'cabundle' | 'certificate' | 'root' | 'at'>

async function judgedByUs({ cabundle, certificate, root, at }: Judged): Promise<Verdict> {
  try {
    await verifyCertificatePath({ cabundle, certificate, roots: [root], at }, nodePrimitives)
    return ACCEPTED
  } catch (error) {
    if (error instanceof NitroEnclaveError) return refused(error.code)
    throw error
  }
}

async function compared(cases: readonly ChainCase[]): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = []
  for (const { name, ...judged } of cases) {
    const { root, cabundle, certificate, at } = judged
    const [theirs] = await judgedByOpenSsl({ root, untrusted: cabundle, leaves: [certificate], at })
    comparisons.push({ name, ours: await judgedByUs(judged), theirs: theirs ?? refused('not judged') })
  }
  return comparisons
}

withOpenSsl('chains beside openssl verify', () => {
  let good: Chain
  beforeAll(async () => {
    good = await buildChain()
  })

  it(
    'one change at a time',
    async () => {
      const comparisons = await compared(await chainCases(SEED > 1 ? undefined : ['root', 'zonal']))
      expect(comparisons[0]).toEqual({ name: 'as it should be', ours: ACCEPTED, theirs: ACCEPTED })
      expectAllExplained(comparisons, EXPLANATIONS)
    },
    timeout(60_000),
  )

  it(
    'leaves that are damaged and signed again',
    async () => {
      const random = randomness(SEED)
      const mutants = await Promise.all(
        Array.from({ length: LEAVES }, () => damagedAndSigned(good.certificate, 'leaf', random)),
      )
      const { root, cabundle } = good
      const leaves = mutants.map(({ bytes }) => bytes)
      const theirs = await judgedByOpenSsl({ root, untrusted: cabundle, leaves, at: NOW })
      const ours = await Promise.all(
        leaves.map((certificate) => judgedByUs({ ...good, certificate, at: NOW })),
      )
      const comparisons = mutants.map(({ name }, index) => ({
        name,
        ours: ours[index] ?? refused('not judged'),
        theirs: theirs[index] ?? refused('not judged'),
      }))
      // Some damage is in nothing that anybody reads.
      expect(comparisons.some((one) => one.ours.accepted && one.theirs.accepted)).toBe(true)
      expectExplained(comparisons, EXPLANATIONS)
    },
    timeout(60_000),
  )

  it(
    'authorities that are damaged and signed again',
    async () => {
      const random = randomness(SEED)
      const places: readonly Place[] = ['regional', 'zonal', 'instance']
      const cases = Array.from({ length: AUTHORITIES }, async (_, index): Promise<ChainCase> => {
        const position = 1 + (index % places.length)
        const der = good.cabundle[position] ?? new Uint8Array(0)
        const { name, bytes } = await damagedAndSigned(der, places[index % places.length] ?? 'zonal', random)
        return { ...good, name, cabundle: good.cabundle.with(position, bytes), at: NOW }
      })
      expectExplained(await compared(await Promise.all(cases)), EXPLANATIONS)
    },
    timeout(60_000),
  )
})
