/** One thing that a verifier asks of a genuine document, and how a document answers it. */
import { toHex } from '../bytes.js'
import type { Primitives } from '../crypto/primitives.js'
import type { PolicyCode } from '../errors.js'
import { withoutControls } from '../printable.js'
import type { DocumentFields } from './document-fields.js'

/** An enclave's document, or a NitroTPM's, which knows no debug mode. */
export type Judged = DocumentFields & { readonly debugMode?: boolean }

/** Why a document is refused: `reason` is the whole sentence, with `hint` at its end. */
export interface Refusal {
  readonly code: PolicyCode
  readonly reason: string
  /** What the difference means, where that can be told. */
  readonly hint?: string
}

export interface Judgement {
  readonly actual: string
  /** Absent when the document is not refused. */
  readonly refusal?: Refusal
}

export interface Requirement {
  /** `PCR0`, `nonce`, `age` … */
  readonly name: string
  readonly expected: string
  readonly judge: (document: Judged, now: Date) => Judgement | Promise<Judgement>
}

export interface Accepted {
  readonly register: Uint8Array
  /** What it was computed from. */
  readonly source?: string
}

export type Hint = (index: number, document: Judged, accepted: readonly Uint8Array[]) => string | undefined

/** A register that may have one of these values. */
export function registerRequirement(
  index: number,
  accepted: readonly Accepted[],
  { equal }: Primitives<unknown>,
  hintOf: Hint = () => undefined,
): Requirement {
  const name = `PCR${index}`
  const values = accepted.map(({ register }) => register)
  const expected = anyOf(
    accepted.map(({ register, source }) =>
      source === undefined ? toHex(register) : `${toHex(register)} (${source})`,
    ),
  )
  return {
    name,
    expected,
    judge: (document) => {
      const register = document.pcrs.get(index)
      const actual = register === undefined ? 'absent' : toHex(register)
      // Each is compared: the time does not tell which of them it is.
      const matches = register !== undefined && values.map((value) => equal(value, register)).includes(true)
      if (matches) return { actual }
      const hint = hintOf(index, document, values)
      return refused('ERR_POLICY_PCR', actual, `${name} is ${actual}; expected ${expected}`, hint)
    },
  }
}

type Field = 'nonce' | 'userData' | 'publicKey'

const FIELDS = {
  nonce: { name: 'nonce', code: 'ERR_POLICY_NONCE', another: 'an answer to another challenge' },
  userData: { name: 'user_data', code: 'ERR_POLICY_USER_DATA', another: undefined },
  publicKey: { name: 'public_key', code: 'ERR_POLICY_PUBLIC_KEY', another: undefined },
} as const

/**
 * A field with exactly these bytes. They are shown by length and fingerprint only: a nonce, say, may be a secret
 * between verifier and enclave, and messages travel.
 */
export async function fieldRequirement(
  field: Field,
  value: Uint8Array,
  primitives: Primitives<unknown>,
): Promise<Requirement> {
  const { name, code, another } = FIELDS[field]
  const expected = await fingerprint(value, primitives)
  return {
    name,
    expected,
    judge: async ({ [field]: found }) => {
      if (found === undefined)
        return refused(code, 'absent', `the document has no ${name}; expected ${expected}`)
      const actual = await fingerprint(found, primitives)
      if (primitives.equal(value, found)) return { actual }
      return refused(code, actual, `${name} is ${actual}; expected ${expected}`, another)
    },
  }
}

/** Of eight bytes: enough to tell two values apart. */
async function fingerprint(bytes: Uint8Array, { sha384 }: Primitives<unknown>): Promise<string> {
  const length = bytes.length === 1 ? '1 byte' : `${bytes.length} bytes`
  return `${length}, SHA-384 ${toHex((await sha384(bytes)).subarray(0, 8))}…`
}

export function moduleRequirement(accepted: readonly string[]): Requirement {
  const expected = anyOf(accepted.map(withoutControls))
  return {
    name: 'module_id',
    expected,
    judge: ({ moduleId }) => {
      const actual = withoutControls(moduleId)
      if (accepted.includes(moduleId)) return { actual }
      const hint = 'every start of an enclave has a module_id of its own'
      return refused('ERR_POLICY_MODULE_ID', actual, `module_id is ${actual}; expected ${expected}`, hint)
    },
  }
}

/** PCR0, PCR1 and PCR2 are not all zero. */
export function debugRequirement(): Requirement {
  return {
    name: 'debug mode',
    expected: 'off',
    judge: ({ debugMode }) =>
      debugMode
        ? refused(
            'ERR_POLICY_DEBUG_MODE',
            'on',
            'the enclave runs in debug mode: PCR0, PCR1 and PCR2 are zero',
            'it was started with --debug-mode, which opens its console to the parent instance; start it without, or ' +
              'allow debug mode for a test',
          )
        : { actual: 'off' },
  }
}

/** Both in milliseconds: how old a document may be, and from how far in the future. */
export function ageRequirement(maxAge: number, clockTolerance: number): Requirement {
  const most = maxAge === Number.POSITIVE_INFINITY ? 'any' : `at most ${seconds(maxAge)} s`
  const ahead = `${seconds(clockTolerance)} s in the future`
  return {
    name: 'age',
    expected: `${most}; at most ${ahead}`,
    judge: ({ timestamp }, now) => {
      const age = now.getTime() - timestamp.getTime()
      const actual = `${seconds(age)} s, at ${now.toISOString()}`
      if (age > maxAge) {
        const reason = `the document is ${seconds(age)} s old; at most ${seconds(maxAge)} s are accepted`
        return refused('ERR_POLICY_MAX_AGE', actual, reason)
      }
      if (age < -clockTolerance) {
        const reason = `the document comes from ${seconds(-age)} s in the future; at most ${seconds(clockTolerance)} s are accepted`
        return refused('ERR_POLICY_FUTURE', actual, reason, 'compare the clocks')
      }
      return { actual }
    },
  }
}

/** Values of a list that are shown: a register has 96 digits, and a person reads a line or two. */
const MAX_LISTED = 4

function anyOf(values: readonly string[]): string {
  const more = values.length - MAX_LISTED
  const shown = more > 0 ? [...values.slice(0, MAX_LISTED), `one of ${more} more`] : values
  return shown.join(' or ')
}

function refused(code: PolicyCode, actual: string, reason: string, hint?: string): Judgement {
  if (hint === undefined) return { actual, refusal: { code, reason } }
  const safe = withoutControls(hint)
  return { actual, refusal: { code, reason: `${reason} (${safe})`, hint: safe } }
}

function seconds(milliseconds: number): number {
  return milliseconds / 1000
}
