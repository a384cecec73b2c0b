/** All of Wycheproof's P-384 signatures, by the very functions that verify certificates and documents. */
import { expect, it } from 'vitest'
import { nodePrimitives } from '../../../shared/crypto/node.js'
import type { Primitives } from '../../../shared/crypto/primitives.js'
import { webPrimitives } from '../../../shared/crypto/web.js'
import { readJsonVector, withVectors } from '../../support/vectors.js'

interface Vectors {
  readonly numberOfTests: number
  readonly testGroups: readonly {
    readonly publicKey: { readonly curve: string; readonly uncompressed: string }
    readonly sha: string
    readonly tests: readonly {
      readonly tcId: number
      readonly msg: string
      readonly sig: string
      readonly result: string
    }[]
  }[]
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

withVectors('Wycheproof, ECDSA on P-384 with SHA-384', (directory) => {
  const { numberOfTests, testGroups } = readJsonVector<Vectors>(
    directory,
    'wycheproof/ecdsa_secp384r1_sha384_p1363_test.json',
  )
  const tests = testGroups.flatMap((group) => group.tests)

  it('is of that curve and hash alone, and says of each signature whether it is valid', () => {
    expect(new Set(testGroups.map(({ publicKey, sha }) => `${publicKey.curve} ${sha}`))).toEqual(
      new Set(['secp384r1 SHA-384']),
    )
    expect(new Set(tests.map(({ result }) => result))).toEqual(new Set(['valid', 'invalid']))
    expect([tests.length, numberOfTests]).toEqual([280, 280])
  })

  it.each<[string, Primitives<unknown>]>([
    ['node:crypto', nodePrimitives as Primitives<unknown>],
    ['WebCrypto', webPrimitives as Primitives<unknown>],
  ])('is judged by %s as it says, case by case', async (_, primitives) => {
    const found: [number, boolean][] = []
    for (const { publicKey, tests } of testGroups) {
      const key = await primitives.importKey(hex(publicKey.uncompressed))
      for (const { tcId, msg, sig } of tests)
        found.push([tcId, await primitives.verify(key, hex(msg), hex(sig))])
    }
    expect(found).toEqual(tests.map(({ tcId, result }) => [tcId, result === 'valid']))
  })
})
