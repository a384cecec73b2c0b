/** All of Wycheproof's RSAES-OAEP and AES-CBC cases, by the very functions that open envelopes. */
import { expect, it } from 'vitest'
import { decryptContent, unwrapContentKey } from '../../../enclave/kms/enveloped-data.js'
import { readJsonVector, withVectors } from '../../support/vectors.js'
import { hex, importPrivateKey } from './support.js'

interface Case {
  readonly tcId: number
  readonly msg: string
  readonly ct: string
  readonly result: string
}

interface Vectors<Group, Test> {
  readonly numberOfTests: number
  readonly testGroups: readonly (Group & {
    readonly keySize: number
    readonly tests: readonly (Case & Test)[]
  })[]
}

type Oaep = Vectors<
  { readonly sha: string; readonly mgf: string; readonly mgfSha: string; readonly privateKeyPkcs8: string },
  { readonly label: string }
>
type Cbc = Vectors<object, { readonly key: string; readonly iv: string }>

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const REFUSED = 'refused'

withVectors('Wycheproof, RSAES-OAEP with SHA-256', (directory) => {
  const read = (bits: number, mask: string) =>
    readJsonVector<Oaep>(directory, `wycheproof/rsa_oaep_${bits}_sha256_mgf1${mask}_test.json`)

  async function unwrapped({ testGroups }: Oaep): Promise<[number, string][]> {
    const found: [number, string][] = []
    for (const { privateKeyPkcs8, tests } of testGroups) {
      const privateKey = await importPrivateKey(hex(privateKeyPkcs8))
      for (const { tcId, ct } of tests) {
        found.push([tcId, await unwrapContentKey(hex(ct), privateKey).then(toHex, () => REFUSED)])
      }
    }
    return found
  }

  it.each([
    [2048, 37, 8],
    [3072, 37, 8],
    [4096, 37, 8],
  ])(
    'of %i bits unwraps its %i cases as it says, and none of the %i that have a label',
    async (bits, count, labelled) => {
      const vectors = read(bits, 'sha256')
      const tests = vectors.testGroups.flatMap((group) => group.tests)
      expect(vectors.testGroups.map(({ keySize, sha, mgfSha }) => [keySize, sha, mgfSha])).toEqual([
        [bits, 'SHA-256', 'SHA-256'],
      ])
      expect([tests.length, vectors.numberOfTests]).toEqual([count, count])
      expect(tests.filter(({ label }) => label !== '')).toHaveLength(labelled)
      expect(await unwrapped(vectors)).toEqual(
        tests.map(({ tcId, result, label, msg }) => [
          tcId,
          result === 'valid' && label === '' ? msg : REFUSED,
        ]),
      )
    },
  )

  it('with MGF1 on SHA-1 unwraps nothing, also of its 13 valid cases', async () => {
    const vectors = read(2048, 'sha1')
    const tests = vectors.testGroups.flatMap((group) => group.tests)
    expect(vectors.testGroups.map(({ mgfSha }) => mgfSha)).toEqual(['SHA-1'])
    expect(tests.filter(({ result }) => result === 'valid')).toHaveLength(13)
    expect([tests.length, vectors.numberOfTests]).toEqual([31, 31])
    expect(await unwrapped(vectors)).toEqual(tests.map(({ tcId }) => [tcId, REFUSED]))
  })
})

withVectors('Wycheproof, AES-CBC with PKCS #7 padding', (directory) => {
  const { testGroups, numberOfTests } = readJsonVector<Cbc>(directory, 'wycheproof/aes_cbc_pkcs5_test.json')

  function opened({ ct, key, iv }: Cbc['testGroups'][number]['tests'][number]): string {
    try {
      const { padded, padding } = decryptContent(hex(ct), hex(key), hex(iv))
      return padding === 0 ? REFUSED : toHex(padded.subarray(0, padded.length - padding))
    } catch {
      return REFUSED
    }
  }

  it('has 216 cases, of keys of 128, 192 and 256 bits', () => {
    expect(testGroups.map(({ keySize, tests }) => [keySize, tests.length])).toEqual([
      [128, 72],
      [192, 72],
      [256, 72],
    ])
    expect(numberOfTests).toBe(216)
  })

  it.each([
    [256, 24],
    [192, 0],
    [128, 0],
  ])('with keys of %i bits opens %i cases: AES-256 is the only cipher', (bits, count) => {
    const tests = testGroups.filter(({ keySize }) => keySize === bits).flatMap((group) => group.tests)
    const found = tests.map((test) => [test.tcId, opened(test)])
    const expected = tests.map(({ tcId, result, msg }) => [
      tcId,
      bits === 256 && result === 'valid' ? msg : REFUSED,
    ])
    expect(found).toEqual(expected)
    expect(found.filter(([, text]) => text !== REFUSED)).toHaveLength(count)
  })
})
