/** Whatever the document and whatever the policy: a single asked value that differs is a refusal. */
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import {
  type AttestationPolicy,
  examineAttestation,
  pcr3OfRole,
  pcr4OfInstance,
  pcr8OfCertificate,
} from '../../../shared/attestation/index.js'
import { type Fields, signedBy } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const digits = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((all) => all.join(''))
const role = digits(8).map((name) => `arn:aws:iam::123456789012:role/${name}`)
const instance = digits(17).map((id) => `i-${id}`)
const certificate = bytes(40).map((body) => Uint8Array.of(0x30, ...body))
const field = fc.uint8Array({ maxLength: 64 })

const documents = fc.record({
  role,
  instance,
  certificate,
  enclave: digits(16),
  registers: fc.array(bytes(48), { minLength: 16, maxLength: 32 }),
  nonce: fc.uint8Array({ minLength: 2, maxLength: 64 }),
  userData: field,
  publicKey: field,
  age: fc.integer({ min: -60_000, max: 300_000 }),
})
type Content = typeof documents extends fc.Arbitrary<infer T> ? T : never

async function fieldsOf({
  role,
  instance,
  certificate,
  enclave,
  registers,
  age,
  ...rest
}: Content): Promise<Fields> {
  const pcrs = new Map<number, Uint8Array>(registers.map((value, index) => [index, value]))
  pcrs.set(3, await pcr3OfRole(role))
  pcrs.set(4, await pcr4OfInstance(instance))
  pcrs.set(8, await pcr8OfCertificate(certificate))
  return {
    pcrs,
    module_id: `${instance}-enc${enclave}`,
    timestamp: NOW.getTime() - age,
    nonce: rest.nonce,
    user_data: rest.userData,
    public_key: rest.publicKey,
  }
}

interface Question {
  /** What the document has. */
  readonly met: AttestationPolicy
  /** The same question with other values. */
  readonly unmet: AttestationPolicy
}

/** A bit flipped, a byte more, or a byte less. */
const another = (value: Uint8Array, seed: number): Uint8Array => {
  if (value.length === 0 || seed % 3 === 0) return Uint8Array.of(...value, seed & 0xff)
  if (seed % 3 === 1) return value.slice(0, -1)
  return value.map((byte, index) => (index === seed % value.length ? byte ^ (1 << (seed % 8)) : byte))
}
const flipped = (value: Uint8Array, seed: number): Uint8Array =>
  value.map((byte, index) => (index === seed % value.length ? byte ^ (1 << (seed % 8)) : byte))
const replaced = (text: string, seed: number): string => {
  const at = text.length - 1 - (seed % 8)
  return text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1)
}

/** Every question that can be asked of a document; `seed` decides how an answer differs, and the form of a list. */
function questionsOf(content: Content, fields: Fields, seed: number): readonly Question[] {
  const oneOrMore = <T>(value: T, decoy: T) => (seed % 2 === 0 ? value : [decoy, value])
  const decoys = <T>(value: T, decoy: T) => (seed % 2 === 0 ? value : [value, decoy])
  const of = <T>(name: keyof AttestationPolicy, value: T, wrong: T, decoy: T): Question => ({
    met: { [name]: oneOrMore(value, decoy) },
    unmet: { [name]: decoys(wrong, decoy) },
  })
  const registers = [...(fields.pcrs as ReadonlyMap<number, Uint8Array>)].map(([index, value]): Question => {
    const wrong = flipped(value, seed + index)
    const decoy = flipped(value, seed + index + 1)
    return {
      met: { pcrs: { [index]: oneOrMore(value, decoy) } },
      unmet: { pcrs: { [index]: decoys(wrong, decoy) } },
    }
  })
  const exact = (['nonce', 'userData', 'publicKey'] as const).map(
    (name): Question => ({
      met: { [name]: content[name] },
      unmet: { [name]: another(content[name], seed) },
    }),
  )
  const { role, instance, certificate, age } = content
  const module = String(fields.module_id)
  const bound = age < 0 ? 'clockTolerance' : 'maxAge'
  return [
    ...registers,
    ...exact,
    of('roleArn', role, replaced(role, seed), replaced(role, seed + 1)),
    of('instanceId', instance, replaced(instance, seed), replaced(instance, seed + 1)),
    of('signingCertificate', certificate, flipped(certificate, 1), flipped(certificate, 2)),
    of('moduleId', module, replaced(module, seed), replaced(module, seed + 1)),
    ...(age === 0 ? [] : [{ met: { [bound]: Math.abs(age) }, unmet: { [bound]: Math.abs(age) - 1 } }]),
  ]
}

const together = (questions: readonly AttestationPolicy[]): AttestationPolicy => ({
  ...Object.assign({}, ...questions),
  pcrs: Object.assign({}, ...questions.map(({ pcrs }) => pcrs)),
})

it('a policy accepts what meets it, and nothing in which one asked value differs', async () => {
  const property = fc.asyncProperty(
    documents,
    fc.infiniteStream(fc.boolean()),
    fc.nat(10_000),
    async (content, choose, seed) => {
      const fields = await fieldsOf(content)
      const document = signedBy(chain, fields)
      const ask = async (policy: AttestationPolicy) =>
        (await examineAttestation(document, { roots: [chain.root], now: NOW, allowDebug: true, ...policy }))
          .accepted
      const asked = questionsOf(content, fields, seed).filter(() => choose.next().value)
      expect(await ask(together(asked.map(({ met }) => met)))).toBe(true)
      for (const wrong of asked) {
        const policy = together(asked.map((one) => (one === wrong ? one.unmet : one.met)))
        expect([await ask(policy), wrong.unmet]).toEqual([false, wrong.unmet])
      }
    },
  )
  await fc.assert(property, { numRuns: 20 })
})
