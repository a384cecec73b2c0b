import { expect, it } from 'vitest'
import { createVerifier } from '../../../shared/attestation/verify.js'
import { Random } from '../random.js'
import { NOW, ROOT } from './chain.js'
import { mutateSigned } from './resign.js'
import { documentSeeds } from './seeds.js'
import { standIn } from './stand-in.js'

const { examineAttestation } = createVerifier(standIn)
const OPTIONS = { roots: [ROOT], now: NOW, maxAge: Number.POSITIVE_INFINITY, allowDebug: true }

it('documents of the stand-in are accepted under its root', async () => {
  for (const document of documentSeeds())
    expect(await examineAttestation(document, OPTIONS)).toMatchObject({ accepted: true })
})

it('changed ones get past every signature, to the checks behind it', async () => {
  const random = new Random(1)
  const [seed = new Uint8Array(0)] = documentSeeds()
  const codes = new Map<string, number>()
  for (let i = 0; i < 400; i++) {
    const changed = mutateSigned(seed, { random, other: () => seed })
    const found = await examineAttestation(changed, OPTIONS)
    const code = found.accepted ? 'accepted' : found.error.code
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  expect([...codes.keys()]).toEqual(
    expect.arrayContaining([
      'accepted',
      'ERR_CERTIFICATE_MALFORMED',
      'ERR_CERTIFICATE_KEY_USAGE',
      'ERR_DOCUMENT_PCRS',
    ]),
  )
  const bySignature = (codes.get('ERR_CERTIFICATE_SIGNATURE') ?? 0) + (codes.get('ERR_COSE_SIGNATURE') ?? 0)
  expect(bySignature).toBeLessThan(100)
})
