import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { keyIdIn, openSymmetric, sealSymmetric } from '../../../../simulator/kms/keys/symmetric-ciphertext.js'

const newKey = () => ({ id: randomUUID(), material: createSecretKey(randomBytes(32)) })
const key = newKey()
const plaintext = Buffer.from('plaintext')
/** Short texts, of which many concatenate to the same; halves of surrogate pairs among them. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', '\ud800', '\ud801', 'é'), maxLength: 3 })
const contexts = fc.dictionary(text, text, { maxKeys: 3 })

it('names its key, and is 45 bytes longer than its plaintext', () => {
  const blob = sealSymmetric(key, plaintext, {})
  expect(keyIdIn(blob)).toBe(key.id)
  expect(blob.length).toBe(plaintext.length + 45)
})

it('opens for the same pairs only, in whatever order they come', () => {
  fc.assert(
    fc.property(contexts, contexts, (one, other) => {
      const blob = sealSymmetric(key, plaintext, one)
      const reversed = Object.fromEntries(Object.entries(one).toReversed())
      expect(openSymmetric(key, blob, reversed)).toEqual(plaintext)
      const same = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
      expect(openSymmetric(key, blob, other) !== undefined).toBe(same)
    }),
    { numRuns: 1000 },
  )
})

it('tells one half of a surrogate pair from another', () => {
  const blob = sealSymmetric(key, plaintext, { a: '\ud800' })
  expect(openSymmetric(key, blob, { a: '\ud800' })).toEqual(plaintext)
  expect(openSymmetric(key, blob, { a: '\ud801' })).toBeUndefined()
})

const sorted = (context: Readonly<Record<string, string>>) => Object.entries(context).sort()

it('opens with no other key, even under the same ID', () => {
  const blob = sealSymmetric(key, plaintext, {})
  expect(openSymmetric(newKey(), blob, {})).toBeUndefined()
  expect(openSymmetric({ ...newKey(), id: key.id }, blob, {})).toBeUndefined()
})

it('is nothing that is shorter, or of another version', () => {
  const blob = sealSymmetric(key, plaintext, {})
  expect(keyIdIn(blob.subarray(0, 45))).toBeUndefined()
  expect(keyIdIn(new Uint8Array(0))).toBeUndefined()
  expect(keyIdIn(Buffer.concat([Buffer.of(2), blob.subarray(1)]))).toBeUndefined()
})
