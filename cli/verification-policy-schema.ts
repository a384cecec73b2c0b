/** The members of a verifier's policy.json, and the form of their values. */
import * as z from 'zod'
import { PCR_LENGTHS } from '../shared/attestation/document-fields.js'
import { fromHex } from '../shared/bytes.js'

type Read<T> = (value: unknown) => T | undefined

/** What `read` makes of the value; where that is undefined, the problem is that the value is not `wanted`. */
const reading = <T>(wanted: string, read: Read<T>, kind: (value: unknown) => string = kindOf) =>
  z.unknown().transform((input, context): T => {
    const value = read(input)
    if (value !== undefined) return value
    context.issues.push({ code: 'custom', message: `${wanted}, not ${kind(input)}`, input })
    return z.NEVER
  })

/** The same for one value or a list: always a list. */
const oneOrMore = <T>(wanted: string, read: Read<T>) =>
  z.unknown().transform((input, context): readonly T[] => {
    const isList = Array.isArray(input)
    const items: readonly unknown[] = isList ? input : [input]
    if (items.length === 0)
      context.issues.push({ code: 'custom', message: 'an empty list accepts nothing', input })
    return items.flatMap((item, index) => {
      const value = read(item)
      if (value !== undefined) return [value]
      const message = `${wanted}${isList ? '' : ', or a list of such'}, not ${kindOf(item)}`
      context.issues.push({ code: 'custom', message, input: item, path: isList ? [index] : [] })
      return []
    })
  })

/** A value may be a secret, also one that lacks its quotes: of a text or a number only that it is one. */
function kindOf(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'this text'
  if (typeof value === 'number') return 'a number'
  return Array.isArray(value) ? 'a list' : 'an object'
}

const kindOfTime = (value: unknown) => (typeof value === 'number' ? String(value) : kindOf(value))

const text: Read<string> = (value) => (typeof value === 'string' && value !== '' ? value : undefined)
const hex: Read<Uint8Array> = (value) => (typeof value === 'string' ? fromHex(value) : undefined)
/** As milliseconds: what is finite in seconds need not be so in these. */
const seconds: Read<number> = (value) =>
  typeof value === 'number' && value >= 0 && Number.isFinite(value * 1000) ? value * 1000 : undefined
/** An empty one asks for nothing that a copied document cannot have. */
const nonce: Read<Uint8Array> = (value) => (value === '' ? undefined : hex(value))

export const registerValues = oneOrMore('a register in hex (SHA-384: 96 digits)', (value) => {
  const bytes = hex(value)
  return bytes && PCR_LENGTHS.includes(bytes.length) ? bytes : undefined
})

/** Times in milliseconds; files as they are named. */
export const policySchema = z.strictObject({
  /** Its members are read one by one. */
  pcrs: reading('an object of registers by index', (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined,
  ).optional(),
  signingCertificate: oneOrMore('the path of a certificate', text).optional(),
  roleArn: oneOrMore('the ARN of a role', text).optional(),
  instanceId: oneOrMore('the id of an instance', text).optional(),
  moduleId: oneOrMore('a module id', text).optional(),
  nonce: reading('hex digits, two a byte', nonce).optional(),
  userData: reading('hex digits, two a byte', hex).optional(),
  publicKey: reading('hex digits, two a byte, or the path of a key', text).optional(),
  maxAgeSeconds: reading(
    'a number of seconds or "none"',
    (value) => (value === 'none' ? Number.POSITIVE_INFINITY : seconds(value)),
    kindOfTime,
  ).optional(),
  clockToleranceSeconds: reading('a number of seconds', seconds, kindOfTime).optional(),
  allowDebug: reading('true or false', (value) =>
    typeof value === 'boolean' ? value : undefined,
  ).optional(),
  roots: oneOrMore('the path of a certificate', text).optional(),
})
