/** AWS's own documents, damaged and written otherwise, judged by ours and by the Evervault packages. */
import { expect, it } from 'vitest'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { parseSign1 } from '../../shared/cose.js'
import { NitroEnclaveError } from '../../shared/errors.js'
import { type AttestationCase, attestationCases } from '../support/attestations.js'
import { faketimePresent } from '../support/faketime.js'
import { suiteWith } from '../support/requirement.js'
import { readVector, withVectors } from '../support/vectors.js'
import {
  ACCEPTED,
  type Comparison,
  expectAllExplained,
  expectExplained,
  refused,
  type Verdict,
} from './disagreements.js'
import { envelopeVariants } from './envelope-variants.js'
import { EVERVAULT, type Evervault, judgedBy } from './evervault.js'
import { EXPLANATIONS } from './evervault-disagreements.js'
import { SEED, scaled, timeout } from './extent.js'
import { damaged, type Mutant } from './mutations.js'
import { randomness } from './randomness.js'

/** Damaged at random, of each document; a verification by WebAssembly takes 20 ms and more. */
const DAMAGED: Readonly<Record<Evervault, number>> = { napi: scaled(200), wasm: scaled(40) }

/** The Evervault packages know neither an age nor a debug mode. */
async function judgedByUs(bytes: Uint8Array, now: Date): Promise<Verdict> {
  const policy = { allowDebug: true, maxAge: Number.POSITIVE_INFINITY, clockTolerance: 1e9 }
  try {
    await verifyAttestation(bytes, { now, ...policy, cache: false })
    return ACCEPTED
  } catch (error) {
    if (error instanceof NitroEnclaveError) return refused(error.code)
    throw error
  }
}

async function compared(mutants: readonly Mutant[], now: Date, peer: Evervault): Promise<Comparison[]> {
  const documents = mutants.map(({ bytes }) => bytes)
  const theirs = await judgedBy(peer, documents, now)
  const ours = await Promise.all(documents.map((bytes) => judgedByUs(bytes, now)))
  return mutants.map(({ name }, index) => ({
    name,
    ours: ours[index] ?? refused('not judged'),
    theirs: theirs[index] ?? refused('not judged'),
  }))
}

withVectors('documents of hardware', (directory) => {
  suiteWith(faketimePresent, 'faketime', 'beside the Evervault packages', () => {
    const documents = attestationCases(directory, 'real').concat(attestationCases(directory, 'debug'))
    const read = ({ file }: AttestationCase) => readVector(directory, `attestation/${file}`)
    /** The whole second after the document's own time. */
    const timeOf = ({ time }: AttestationCase) => new Date(Math.ceil(new Date(time).getTime() / 1000) * 1000)
    const withUserData = ({ userDataLength }: AttestationCase) => userDataLength !== null
    const all = SEED > 1
    /** Indefinite maps, and fields of 1,024 bytes; all documents where more is asked for. */
    const written = documents.filter(({ file }) => all || /dstack|real\/blocky/.test(file))
    /** Of those with user data, `attestEnclave` does not say exactly enough why it refuses a damaged one. */
    const broken = documents.filter((item) => !withUserData(item)).slice(0, all ? undefined : 1)

    it.each(EVERVAULT)(
      '%s: the first and the last second, and those beside them',
      async (peer) => {
        for (const item of broken) {
          const [first = 0, last = 0] = item.validity.map((time) => new Date(time).getTime())
          const original = { name: 'as it was', bytes: read(item) }
          const at = async (time: number) => (await compared([original], new Date(time), peer))[0]
          const verdicts = await Promise.all([first - 1000, first, last, last + 1000].map(at))
          expect(verdicts.map((one) => [one?.ours.accepted, one?.theirs.accepted])).toEqual([
            // Ours lets the leaf be ahead of the clock by `clockTolerance`: it begins as its enclave does.
            [true, false],
            [true, true],
            [true, true],
            [false, false],
          ])
        }
      },
      timeout(60_000),
    )

    it.each(EVERVAULT)(
      '%s: every other form of the envelope',
      async (peer) => {
        const comparisons = written.map((item) =>
          compared(envelopeVariants(parseSign1(read(item), 16_384)), timeOf(item), peer),
        )
        expectAllExplained((await Promise.all(comparisons)).flat(), EXPLANATIONS)
      },
      timeout(60_000),
    )

    it.each(EVERVAULT)(
      '%s: damage anywhere',
      async (peer) => {
        const random = randomness(SEED)
        const judged = broken.map((item) => {
          const bytes = read(item)
          const mutants = Array.from({ length: DAMAGED[peer] }, (_, index) =>
            // Half of it where it changes nothing that is signed: the heads of the envelope, and the signature.
            [
              () => damaged(bytes, random),
              () => damaged(bytes, random, { to: 12 }),
              () => damaged(bytes, random),
              () => damaged(bytes, random, { from: bytes.length - 100 }),
            ][index % 4]?.(),
          ).filter((mutant) => mutant !== undefined)
          return compared(mutants, timeOf(item), peer)
        })
        const comparisons = (await Promise.all(judged)).flat()
        expect(comparisons).toHaveLength(broken.length * DAMAGED[peer])
        expectExplained(comparisons, EXPLANATIONS)
      },
      timeout(60_000),
    )
  })
})
