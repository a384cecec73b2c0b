import { beforeAll, describe, expect, it } from 'vitest'
import { createVerifier, type Examination } from '../../../shared/attestation/verify.js'
import { signedBy } from '../../support/attestations.js'
import { type Chain, NOW, TO } from '../../support/certificates.js'
import { buildWorlds, counted, later, type World } from '../known-certificates-pool.js'

let chains: Readonly<Record<World, Chain>>
beforeAll(async () => {
  chains = await buildWorlds()
})

const LONG = { maxAge: Number.POSITIVE_INFINITY }

/** A verifier that has seen nothing yet. */
function verifier() {
  const { counts, primitives } = counted()
  const { examineAttestation } = createVerifier(primitives)
  const examine = (bytes: Uint8Array, { cache = true, now = NOW, trusted = 'good' as World } = {}) =>
    examineAttestation(bytes, { ...LONG, roots: [chains[trusted].root], now, cache })
  return {
    examine,
    /** Signatures that verifying this document takes. */
    cost: async (bytes: Uint8Array, cache = true) => {
      const before = counts.verifications
      expect(await examine(bytes, { cache })).toMatchObject({ accepted: true })
      return counts.verifications - before
    },
  }
}
const enclave = (name: string) => signedBy(chains.good, { module_id: name })
const neighbour = () =>
  signedBy({ ...chains['another leaf'], cabundle: chains.good.cabundle }, { module_id: 'neighbour' })
const verdict = (examination: Examination) =>
  examination.accepted ? 'accepted' : `${examination.error.code}: ${examination.error.message}`

describe('signatures that are verified', () => {
  it('are five of an enclave’s first document, and one of each that follows', async () => {
    const { cost } = verifier()
    expect(await cost(enclave('a'))).toBe(5)
    expect(await cost(enclave('b'))).toBe(1)
    expect(await cost(enclave('c'))).toBe(1)
  })

  it('are two of another enclave’s on the same instance', async () => {
    const { cost } = verifier()
    await cost(enclave('a'))
    expect(await cost(neighbour())).toBe(2)
  })

  it('are all five without the cache, which then learns nothing either', async () => {
    const { cost } = verifier()
    expect(await cost(enclave('a'), false)).toBe(5)
    expect(await cost(enclave('a'))).toBe(5)
    expect(await cost(enclave('a'), false)).toBe(5)
  })
})

describe('with a known chain', () => {
  const known = async () => {
    const { examine } = verifier()
    await examine(enclave('a'))
    return examine
  }

  it('a document needs its own signature', async () => {
    const examine = await known()
    const forged = signedBy({ ...chains.good, leafKey: chains['another leaf'].leafKey })
    expect(verdict(await examine(forged))).toContain('ERR_COSE_SIGNATURE')
  })

  it('the time of verification counts', async () => {
    const examine = await known()
    expect(verdict(await examine(enclave('a'), { now: later(TO, 1) }))).toContain('ERR_CERTIFICATE_EXPIRED')
  })

  it('the roots of this call count', async () => {
    const examine = await known()
    const trusted = 'a root of the same name and key'
    expect(verdict(await examine(enclave('a'), { trusted }))).toContain('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('whoever got a document can change what he got, and nothing else', async () => {
    const { examine } = verifier()
    const bytes = enclave('a')
    const first = await examine(bytes)
    const before = structuredClone(first)
    expect(first.document).toBeDefined()
    const { document, chain = [] } = first
    for (const der of [...(document?.cabundle ?? []), document?.certificate]) der?.fill(0)
    for (const { notBefore, notAfter } of chain) {
      notBefore.setTime(0)
      notAfter.setTime(0)
    }
    expect(await examine(bytes)).toEqual(before)
  })
})
