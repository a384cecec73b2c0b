/** What a verifier asks of a genuine document. Signature and chain come first: a policy judges no forgery. */
import { fromHex } from '../bytes.js'
import type { Primitives } from '../crypto/primitives.js'
import { UsageError } from '../errors.js'
import { isPlain } from '../plain.js'
import { shown } from '../printable.js'
import { PCR_LENGTHS } from './document-fields.js'
import { enclaveHint } from './register-hints.js'
import { pcr3OfRole, pcr4OfInstance, pcr8OfCertificate } from './registers.js'
import {
  type Accepted,
  ageRequirement,
  debugRequirement,
  fieldRequirement,
  type Hint,
  moduleRequirement,
  type Requirement,
  registerRequirement,
} from './requirement.js'

/** One value, or several of which any will do: while a new version is rolled out, say. */
export type OneOrMore<Value> = Value | readonly Value[]

/**
 * What can be asked of the document of an enclave or of a NitroTPM. What is not asked for is left out: an option that is
 * there and undefined was lost on its way, and is a UsageError.
 */
export interface DocumentPolicy {
  /** Expected registers by index, each as bytes or hex; with several, any of them. */
  readonly pcrs?: Readonly<Record<number, OneOrMore<Uint8Array | string>>>
  /** The module's id, which is another at each start of an enclave. */
  readonly moduleId?: OneOrMore<string>
  /** The nonce that was sent to the enclave: proof that the document is an answer. */
  readonly nonce?: Uint8Array
  readonly userData?: Uint8Array
  readonly publicKey?: Uint8Array
  /** Milliseconds; 300,000 unless given. An unlimited age must be written out: Infinity. */
  readonly maxAge?: number
  /**
   * Milliseconds by which a document, and the certificate that was made for its enclave, may come from the future; 60,000
   * unless given. Enclaves attest seconds after they start.
   */
  readonly clockTolerance?: number
}

export interface AttestationPolicy extends DocumentPolicy {
  /** The certificate that the image was signed with, PEM or DER: PCR8. */
  readonly signingCertificate?: OneOrMore<string | Uint8Array>
  /** ARN of the parent instance's IAM role: PCR3. */
  readonly roleArn?: OneOrMore<string>
  /** Id of the parent instance: PCR4. */
  readonly instanceId?: OneOrMore<string>
  /** Accepts enclaves in debug mode, whose memory the parent can read. */
  readonly allowDebug?: boolean
}

const MAX_AGE = 300_000
const CLOCK_TOLERANCE = 60_000
/** As `String(index)` writes it: '', '00' or '0x0' would be a second name of PCR0, and one of the two be lost. */
const PCR_INDEX = /^(?:[12]?[0-9]|3[01])$/

/**
 * What `policy` requires of an enclave, in the order in which it is judged. Refuses a policy that cannot mean anything,
 * before any document is looked at: rejects with UsageError ERR_USAGE.
 */
export async function enclaveRequirements(
  policy: AttestationPolicy,
  primitives: Primitives<unknown>,
): Promise<readonly Requirement[]> {
  const { allowDebug } = policy
  const computed: Requirement[] = []
  for (const { index, name, compute, source } of COMPUTED) {
    const given = policy[name]
    if (given === undefined) continue
    const accepted = several<unknown>(given, name).map(async (value) => ({
      register: await compute(value, primitives),
      source: source(value),
    }))
    computed.push(registerRequirement(index, await Promise.all(accepted), primitives, enclaveHint))
  }
  if (allowDebug !== undefined && typeof allowDebug !== 'boolean') {
    throw new UsageError('ERR_USAGE', 'allowDebug is not true or false')
  }
  const debug = allowDebug === true ? [] : [debugRequirement()]
  return [...debug, ...(await documentRequirements(policy, primitives, computed, enclaveHint))]
}

const ofItself = (value: unknown): string => `of ${String(value)}`

const COMPUTED = [
  {
    index: 8,
    name: 'signingCertificate',
    compute: pcr8OfCertificate,
    source: () => 'of the signing certificate',
  },
  { index: 3, name: 'roleArn', compute: pcr3OfRole, source: ofItself },
  { index: 4, name: 'instanceId', compute: pcr4OfInstance, source: ofItself },
] as const

/** The same for a NitroTPM; and what an enclave's document is asked as well. */
export async function documentRequirements(
  policy: DocumentPolicy,
  primitives: Primitives<unknown>,
  computed: readonly Requirement[] = [],
  hint?: Hint,
): Promise<readonly Requirement[]> {
  const { maxAge = MAX_AGE } = policy
  const clockTolerance = readClockTolerance(policy)
  if (typeof maxAge !== 'number' || !(maxAge >= 0)) {
    throw new UsageError('ERR_USAGE', 'maxAge is not a number of milliseconds')
  }
  const registers = readRegisters(policy.pcrs).map((register) =>
    registerRequirement(...register, primitives, hint),
  )
  const { moduleId } = policy
  const modules =
    moduleId === undefined ? [] : [moduleRequirement(several(moduleId, 'moduleId').map(readModuleId))]
  const fields: Requirement[] = []
  for (const field of ['nonce', 'userData', 'publicKey'] as const) {
    const value: unknown = policy[field]
    if (value === undefined) continue
    if (!(value instanceof Uint8Array)) throw new UsageError('ERR_USAGE', `${field} is not a Uint8Array`)
    // Whoever holds an answer to an empty question could use it as often as wanted.
    if (field === 'nonce' && value.length === 0) throw new UsageError('ERR_USAGE', 'nonce is empty')
    fields.push(await fieldRequirement(field, value, primitives))
  }
  return [...registers, ...computed, ...modules, ...fields, ageRequirement(maxAge, clockTolerance)]
}

/** None would mean that nothing is accepted, or that nothing is asked: nobody can tell. */
function several<Value>(given: OneOrMore<Value>, name: string): readonly Value[] {
  const values = Array.isArray(given) ? (given as readonly Value[]) : [given as Value]
  if (values.length === 0) throw new UsageError('ERR_USAGE', `${name} is an empty list`)
  // A hole of an array has no turn in a loop over it.
  return Array.from(values)
}

/** Throws UsageError ERR_USAGE. */
export function readClockTolerance({ clockTolerance = CLOCK_TOLERANCE }: DocumentPolicy): number {
  if (
    typeof clockTolerance !== 'number' ||
    !(clockTolerance >= 0 && clockTolerance < Number.POSITIVE_INFINITY)
  ) {
    throw new UsageError('ERR_USAGE', 'clockTolerance is not a finite number of milliseconds')
  }
  return clockTolerance
}

function readRegisters(pcrs: unknown): readonly [number, readonly Accepted[]][] {
  if (pcrs === undefined) return []
  if (!isPlain(pcrs)) throw new UsageError('ERR_USAGE', 'pcrs is not a plain object of registers by index')
  const entries: [string, unknown][] = Object.entries(pcrs)
  // An empty one was meant to name something.
  if (entries.length === 0) throw new UsageError('ERR_USAGE', 'pcrs names no register')
  return entries.map(([index, value]) => readRegister(index, value))
}

function readRegister(key: string, given: OneOrMore<unknown>): [number, readonly Accepted[]] {
  if (!PCR_INDEX.test(key)) {
    throw new UsageError('ERR_USAGE', `${shown(key)} is not a PCR index from 0 to 31`)
  }
  const accepted = several(given, `PCR${key}`).map((value) => {
    const text = typeof value === 'string' ? fromHex(value) : undefined
    const register = value instanceof Uint8Array ? value : text
    if (register === undefined || !PCR_LENGTHS.includes(register.length)) {
      throw new UsageError('ERR_USAGE', `PCR${key} is not 32, 48 or 64 bytes of hex`)
    }
    return { register }
  })
  return [Number(key), accepted]
}

function readModuleId(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new UsageError('ERR_USAGE', 'moduleId is not a text')
  return value
}
