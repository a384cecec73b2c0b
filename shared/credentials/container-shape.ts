/**
 * Temporary credentials as JSON, in the shape that the SDKs' container credentials provider reads (AWS SDKs and Tools
 * Reference Guide, "Container credential provider"): what the parent serves, and what a file may hold.
 */
import * as z from 'zod'
import { OperationError } from '../errors.js'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
  readonly expiration?: Date
}

/** Characters of an answer at most. */
export const MAX_ANSWER_LENGTH = 64 * 1024

/** What fits into the headers of a signed request. */
const visible = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[\x21-\x7e]*$/)

/** Whatever else there is (a region, a host, a role) is not read. */
const schema = z.object({
  AccessKeyId: z.string().regex(/^\w{1,128}$/),
  SecretAccessKey: visible(256).min(1),
  /** Empty: none. */
  Token: visible(8_192).optional(),
  /** RFC 3339. */
  Expiration: z.iso.datetime({ offset: true }).optional(),
})

type Member = keyof z.infer<typeof schema>

/**
 * Reads a `value` that `giver` gave. Throws OperationError ERR_CREDENTIALS naming both and the member (by the giver's
 * own `names` for it), never a value.
 */
export function checkedCredentials(
  value: unknown,
  giver: string,
  names: Partial<Readonly<Record<Member, string>>> = {},
): Credentials {
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const [member = 'the answer'] = parsed.error.issues.flatMap(({ path }) => path)
    const name = names[member as Member] ?? String(member)
    throw new OperationError('ERR_CREDENTIALS', `${giver} gave no credentials: ${name} is not as it must be`)
  }
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = parsed.data
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    ...(Token && { sessionToken: Token }),
    ...(Expiration !== undefined && { expiration: new Date(Expiration) }),
  }
}

/** The same of a JSON text. */
export function readCredentials(text: string, giver: string): Credentials {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not its message: that shows what it read.
    throw new OperationError('ERR_CREDENTIALS', `${giver} gave no credentials: not JSON`)
  }
  return checkedCredentials(value, giver)
}

/** All four members, which the SDKs' providers demand; an empty token where there is none. */
export function writeCredentials(credentials: Credentials & { readonly expiration: Date }): string {
  const { accessKeyId, secretAccessKey, sessionToken = '', expiration } = credentials
  return JSON.stringify({
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration.toISOString(),
  })
}
