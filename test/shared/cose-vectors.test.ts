import { createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeCbor } from '../../shared/cbor.js'
import { parseSign1 } from '../../shared/cose.js'
import { verifySign1 } from '../../shared/cose-signature.js'
import { code } from '../support/errors.js'
import { readJsonVector, withVectors } from '../support/vectors.js'

interface Example {
  readonly input: {
    readonly sign0?: {
      readonly external?: string
      readonly key: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string }
    }
  }
  readonly intermediates: { readonly ToBeSign_hex?: string }
  readonly output: { readonly cbor: string }
}

/** What each example breaks of the one form that is accepted: ES384, nothing unprotected. */
const REFUSED: Readonly<Record<string, string>> = {
  // COSE_Sign, tag 98: several signers.
  'ecdsa-examples/ecdsa-01.json': 'ERR_CBOR_TAG',
  'ecdsa-examples/ecdsa-02.json': 'ERR_CBOR_TAG',
  'ecdsa-examples/ecdsa-03.json': 'ERR_CBOR_TAG',
  'ecdsa-examples/ecdsa-04.json': 'ERR_CBOR_TAG',
  // A key identifier in the unprotected header.
  'ecdsa-examples/ecdsa-sig-01.json': 'ERR_COSE_HEADER',
  'ecdsa-examples/ecdsa-sig-02.json': 'ERR_COSE_HEADER',
  'ecdsa-examples/ecdsa-sig-03.json': 'ERR_COSE_HEADER',
  'ecdsa-examples/ecdsa-sig-04.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-pass-01.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-pass-02.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-pass-03.json': 'ERR_COSE_HEADER',
  // Another tag.
  'sign1-tests/sign-fail-01.json': 'ERR_CBOR_TAG',
  'sign1-tests/sign-fail-02.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-fail-03.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-fail-04.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-fail-06.json': 'ERR_COSE_HEADER',
  'sign1-tests/sign-fail-07.json': 'ERR_COSE_HEADER',
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** The parts of an example, read past its tag and its headers. */
function parts(example: Example, protectedHeader?: Uint8Array) {
  const bytes = hex(example.output.cbor)
  const [header, , payload, signature] = decodeCbor(
    bytes[0] === 0xd2 ? bytes.subarray(1) : bytes,
  ) as Uint8Array[]
  if (header === undefined || payload === undefined || signature === undefined) throw new Error('not a Sign1')
  return { protectedHeader: protectedHeader ?? header, payload, signature }
}

withVectors('the COSE working group’s examples', (directory) => {
  const names = ['ecdsa-examples', 'sign1-tests'].flatMap((folder) =>
    readdirSync(join(directory, 'cose', folder)).map((name) => `${folder}/${name}`),
  )
  const read = (name: string) => readJsonVector<Example>(directory, `cose/${name}`)

  it('are covered as a whole', () => {
    expect(names.sort()).toEqual(Object.keys(REFUSED).sort())
  })

  it.each(Object.entries(REFUSED))('%s is refused with %s', async (name, expected) => {
    expect(await code(() => parseSign1(hex(read(name).output.cbor), 16_384))).toBe(expected)
  })

  it('the ES384 example verifies with its key once its header is left aside', () => {
    const example = read('ecdsa-examples/ecdsa-sig-02.json')
    const { kty = '', crv, x, y } = example.input.sign0?.key ?? {}
    const key = createPublicKey({ key: { kty, crv, x, y } as JsonWebKey, format: 'jwk' })
    expect(() => verifySign1(parts(example), key)).not.toThrow()
  })

  /** Without external data, and where the example's own output was not tampered with. */
  const structured = ['ecdsa-sig-01', 'ecdsa-sig-02', 'ecdsa-sig-03', 'ecdsa-sig-04']
    .map((name) => `ecdsa-examples/${name}.json`)
    .concat('sign1-tests/sign-pass-03.json')

  it.each(structured)('%s: what we verify is its ToBeSign, byte for byte', (name) => {
    const example = read(name)
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const toBeSigned = hex(example.intermediates.ToBeSign_hex ?? '')
    const signature = sign('sha384', toBeSigned, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    expect(() => verifySign1({ ...parts(example), signature }, publicKey)).not.toThrow()
  })
})
