/** Signatures of COSE_Sign1 as DER beside `openssl dgst`: the same bytes signed, the same verdicts on every number. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect, it } from 'vitest'
import { parseSign1, toBeSigned } from '../../shared/cose.js'
import { signSign1, verifySign1 } from '../../shared/cose-signature.js'
import { VerificationError } from '../../shared/errors.js'
import { type OpenSsl, withOpenSsl } from '../support/openssl.js'
import { SEED, scaled, timeout } from './extent.js'
import { type Randomness, randomness } from './randomness.js'
import { derOf, numbersOf, ORDER, signatureOf } from './signature-numbers.js'

/** Messages; each is judged once as it is and once with a change. */
const MESSAGES = scaled(25)

type Change = (signature: Uint8Array, random: Randomness) => Uint8Array

const numbered =
  (change: (r: bigint, s: bigint) => readonly [bigint, bigint]): Change =>
  (signature) => {
    const { r, s } = numbersOf(signature)
    return signatureOf(...change(r, s))
  }

/** Exactly one of them leaves the signature good. */
const CHANGES: Readonly<Record<string, Change>> = {
  'the other s': numbered((r, s) => [r, ORDER - s]),
  'r zero': numbered((_, s) => [0n, s]),
  's zero': numbered((r) => [r, 0n]),
  'both zero': numbered(() => [0n, 0n]),
  'r the order': numbered((_, s) => [ORDER, s]),
  's the order': numbered((r) => [r, ORDER]),
  's + the order': numbered((r, s) => [r, s + ORDER]),
  'r above the order': numbered((r, s) => [ORDER + (r % 1000n), s]),
  'both one': numbered(() => [1n, 1n]),
  'r and s exchanged': numbered((r, s) => [s, r]),
  'a flipped bit': (signature, random) => {
    const at = random.below(signature.length)
    return signature.with(at, (signature[at] ?? 0) ^ (1 << random.below(8)))
  },
}

function judgedByUs(message: Parameters<typeof verifySign1>[0], key: KeyObject): boolean {
  try {
    verifySign1(message, key)
    return true
  } catch (error) {
    if (error instanceof VerificationError) return false
    throw error
  }
}

function judgedByOpenSsl(
  openssl: OpenSsl,
  signed: Uint8Array,
  signature: Uint8Array,
  key: KeyObject,
): boolean {
  const files = {
    key: key.export({ type: 'spki', format: 'pem' }),
    signature: derOf(signature),
    signed,
  }
  try {
    openssl.run(['dgst', '-sha384', '-verify', '{key}', '-signature', '{signature}', '{signed}'], files)
    return true
  } catch (error) {
    // Its word is on standard output; anything else is no verdict.
    if (String((error as { stdout?: unknown }).stdout).includes('Verification failure')) return false
    throw error
  }
}

withOpenSsl('COSE signatures beside openssl dgst', (openssl) => {
  it(
    `${MESSAGES} messages, signed by us`,
    () => {
      const random = randomness(SEED)
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
      const key = createPublicKey(privateKey)
      const names = Object.keys(CHANGES)
      for (let index = 0; index < MESSAGES; index++) {
        const length = random.one([1, 23, 24, 255, 256, 4_000, 16_000]) + random.below(20)
        const message = parseSign1(signSign1(random.bytes(length), privateKey), 20_000)
        const signed = toBeSigned(message)
        expect(judgedByUs(message, key)).toBe(true)
        expect(judgedByOpenSsl(openssl, signed, message.signature, key), `${length} bytes`).toBe(true)
        const name = names[index % names.length] ?? ''
        const signature = CHANGES[name]?.(message.signature, random) ?? message.signature
        const ours = judgedByUs({ ...message, signature }, key)
        expect(ours, name).toBe(name === 'the other s')
        expect(judgedByOpenSsl(openssl, signed, signature, key), name).toBe(ours)
      }
    },
    timeout(60_000),
  )
})
