/**
 * What parent and enclave say to each other on the enclave's control port: a line of JSON, and a line back. Whatever
 * decides whom the enclave trusts (region, host, roots, ports) is in its image: no message can name it.
 */
import * as z from 'zod'
import type { ErrorReport } from './error-report.js'
import { FormatError } from './errors.js'
import { withoutControls } from './printable.js'

/** Bytes of a line at most; session tokens have up to some 2,000 characters. */
export const MAX_MESSAGE_LENGTH = 16 * 1024

/** Unknown members that a refusal names, and characters of each. */
const MAX_NAMED = 8
const MAX_NAME_LENGTH = 64

/** What fits into the headers of a signed request. */
const visible = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[\x21-\x7e]+$/)

const requests = z.discriminatedUnion('type', [
  /** The temporary credentials of the instance's role, from now on. */
  z.strictObject({
    type: z.literal('setCredentials'),
    accessKeyId: z.string().regex(/^\w{1,128}$/),
    secretAccessKey: visible(256),
    sessionToken: visible(8_192).optional(),
    /** ISO 8601, UTC. */
    expiration: z.iso.datetime().optional(),
  }),
  /** Random bytes from KMS, which stay in the enclave. */
  z.strictObject({ type: z.literal('generateRandom'), numberOfBytes: z.int().min(1).max(1_024) }),
  z.strictObject({ type: z.literal('status') }),
])

export type Request = z.infer<typeof requests>

export interface Status {
  readonly moduleId: string
  /** PCR0 to PCR2, and PCR8, as the module has them, in hex. */
  readonly pcrs: Readonly<Record<string, string>>
  readonly region: string
  readonly kmsHost: string
  readonly parent: { readonly cid: number; readonly port: number }
  /** Attested calls that succeeded. */
  readonly calls: number
  /** Bytes of this process in memory. */
  readonly residentMemory: number
}

export type Response =
  | { readonly ok: true; readonly numberOfBytes?: number; readonly status?: Status }
  | { readonly ok: false; readonly error: ErrorReport }

/**
 * Reads one request. Throws FormatError ERR_MESSAGE, which names the member that is wrong and never shows a value: it
 * may be a secret.
 */
export function parseRequest(line: string): Request {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new FormatError('ERR_MESSAGE', 'the message is not JSON')
  }
  const parsed = requests.safeParse(value)
  if (parsed.success) return parsed.data
  throw new FormatError(
    'ERR_MESSAGE',
    `the message is not understood: ${parsed.error.issues.map(named).join('; ')}`,
  )
}

function named(issue: z.core.$ZodIssue): string {
  const member = issue.path.join('.') || 'the message'
  if (issue.code === 'unrecognized_keys')
    return `${member} has members that nobody may set: ${namesOf(issue.keys)}`
  return `${member}: ${issue.code === 'invalid_union' ? 'no request of that name' : 'not as it must be'}`
}

/** They are the sender's: bounded, and with nothing in them that a terminal would obey. */
function namesOf(keys: readonly string[]): string {
  const more = keys.length - MAX_NAMED
  const names = keys.slice(0, MAX_NAMED).map((key) => withoutControls(key.slice(0, MAX_NAME_LENGTH)))
  return [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ')
}
