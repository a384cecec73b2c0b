/** The COSE working group's COSE_Sign1 examples, once their tag and unprotected header are set aside: is the signature good? */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeCbor } from '../../shared/cbor.js'
import type { CoseAlgorithm } from '../../shared/cose.js'
import { verifySign1 } from '../../shared/cose-signature.js'
import { VerificationError } from '../../shared/errors.js'
import { readJsonVector, withVectors } from '../support/vectors.js'

interface Example {
  readonly input: {
    readonly sign0?: {
      readonly alg: CoseAlgorithm
      readonly key: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string }
    }
  }
  readonly output: { readonly cbor: string }
}

const GOOD = 'verifies'
const BAD = 'ERR_COSE_SIGNATURE'

/** Each example of one signer, and why its signature is none where it is none. */
const SIGNATURES: Readonly<Record<string, string>> = {
  'ecdsa-examples/ecdsa-sig-01.json': GOOD,
  'ecdsa-examples/ecdsa-sig-02.json': GOOD,
  'ecdsa-examples/ecdsa-sig-03.json': GOOD,
  'ecdsa-examples/ecdsa-sig-04.json': GOOD,
  // Signed over an empty header, and sent with an empty map: parseSign1 refuses both, for they name no algorithm.
  'sign1-tests/sign-pass-01.json': BAD,
  // Signed over external data, which an attestation document has none of.
  'sign1-tests/sign-pass-02.json': BAD,
  'sign1-tests/sign-pass-03.json': GOOD,
  // Its tag alone is wrong.
  'sign1-tests/sign-fail-01.json': GOOD,
  'sign1-tests/sign-fail-02.json': BAD,
  'sign1-tests/sign-fail-03.json': BAD,
  'sign1-tests/sign-fail-04.json': BAD,
  'sign1-tests/sign-fail-06.json': BAD,
  'sign1-tests/sign-fail-07.json': BAD,
}

/** The head of tag 18, or of the wrong one. */
const TAG_HEAD = /^(?:d2|d903e6)/

withVectors('the COSE working group’s signatures', (directory) => {
  const read = (name: string) => readJsonVector<Example>(directory, `cose/${name}`)
  const names = ['ecdsa-examples', 'sign1-tests'].flatMap((folder) =>
    readdirSync(join(directory, 'cose', folder)).map((name) => `${folder}/${name}`),
  )

  it('are covered as a whole', () => {
    const ofOneSigner = names.filter((name) => read(name).input.sign0 !== undefined)
    expect(ofOneSigner.sort()).toEqual(Object.keys(SIGNATURES).sort())
  })

  it.each(Object.entries(SIGNATURES))('%s: %s', (name, expected) => {
    const { input, output } = read(name)
    if (input.sign0 === undefined) throw new Error('not of one signer')
    const { alg, key } = input.sign0
    const { kty, crv, x, y } = key
    const publicKey = createPublicKey({ key: { kty, crv, x, y } as JsonWebKey, format: 'jwk' })
    const parts = decodeCbor(
      Buffer.from(output.cbor.toLowerCase().replace(TAG_HEAD, ''), 'hex'),
    ) as Uint8Array[]
    const [protectedHeader, , payload, signature] = parts
    if (!protectedHeader || !payload || !signature) throw new Error('not a Sign1')
    let found = GOOD
    try {
      verifySign1({ protectedHeader, payload, signature }, publicKey, alg)
    } catch (error) {
      found = error instanceof VerificationError ? error.code : String(error)
    }
    expect(found).toBe(expected)
  })
})
