/** What a verifier asks of a genuine document. Signature and chain come first: a policy judges no forgery. */
import { timingSafeEqual } from 'node:crypto'
import { PolicyError, UsageError } from '../errors.js'
import type { AttestationDocument } from './document.js'

export interface AttestationPolicy {
  /** Expected registers by index, each as bytes or hex. */
  readonly pcrs?: Readonly<Record<number, Uint8Array | string>>
  /** The nonce that was sent to the enclave: proof that the document is an answer. */
  readonly nonce?: Uint8Array
  readonly userData?: Uint8Array
  readonly publicKey?: Uint8Array
  /** Milliseconds; 300,000 unless given. An unlimited age must be written out: Infinity. */
  readonly maxAge?: number
  /** Milliseconds by which a document may come from the future; 60,000 unless given. */
  readonly clockTolerance?: number
  /** Accepts enclaves in debug mode, whose memory the parent can read. */
  readonly allowDebug?: boolean
}

const MAX_AGE = 300_000
const CLOCK_TOLERANCE = 60_000
/** As `String(index)` writes it: '', '00' or '0x0' would be a second name of PCR0, and one of the two be lost. */
const PCR_INDEX = /^(?:[12]?[0-9]|3[01])$/
const HEX_REGISTER = /^(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i

/** A policy that has been read: registers are bytes, durations numbers. */
export type CheckedPolicy = Pick<AttestationPolicy, 'nonce' | 'userData' | 'publicKey'> & {
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  readonly maxAge: number
  readonly clockTolerance: number
  readonly allowDebug: boolean
}

/** Refuses a policy that cannot mean anything, before any document is looked at. Throws UsageError ERR_USAGE. */
export function readPolicy(policy: AttestationPolicy): CheckedPolicy {
  const { maxAge = MAX_AGE, clockTolerance = CLOCK_TOLERANCE, pcrs = {}, allowDebug = false } = policy
  if (typeof maxAge !== 'number' || !(maxAge >= 0))
    throw new UsageError('ERR_USAGE', 'maxAge is not a number of milliseconds')
  if (
    typeof clockTolerance !== 'number' ||
    !(clockTolerance >= 0 && clockTolerance < Number.POSITIVE_INFINITY)
  ) {
    throw new UsageError('ERR_USAGE', 'clockTolerance is not a finite number of milliseconds')
  }
  const { nonce, userData, publicKey } = policy
  for (const [name, value] of Object.entries({ nonce, userData, publicKey })) {
    if (value !== undefined && !(value instanceof Uint8Array)) {
      throw new UsageError('ERR_USAGE', `${name} is not a Uint8Array`)
    }
  }
  // A Map or a Set has no entries of its own here: it would ask for nothing, and every document would pass.
  if (!hasEntries(pcrs)) {
    throw new UsageError('ERR_USAGE', 'pcrs is not an object of registers by index')
  }
  const registers = new Map(Object.entries(pcrs).map(([index, value]) => readRegister(index, value)))
  return {
    ...(nonce && { nonce }),
    ...(userData && { userData }),
    ...(publicKey && { publicKey }),
    pcrs: registers,
    maxAge,
    clockTolerance,
    allowDebug: allowDebug === true,
  }
}

/** Throws PolicyError ERR_POLICY_*. */
export function checkPolicy(document: AttestationDocument, policy: CheckedPolicy, now: Date): void {
  if (document.debugMode && !policy.allowDebug) {
    throw new PolicyError(
      'ERR_POLICY_DEBUG_MODE',
      'the enclave runs in debug mode: PCR0, PCR1 and PCR2 are zero because it was started with --debug-mode, which ' +
        'opens its console to the parent instance; start it without, or allow debug mode for a test',
    )
  }
  for (const [index, expected] of policy.pcrs) checkRegister(index, expected, document.pcrs.get(index))
  checkField('nonce', 'ERR_POLICY_NONCE', policy.nonce, document.nonce)
  checkField('user_data', 'ERR_POLICY_USER_DATA', policy.userData, document.userData)
  checkField('public_key', 'ERR_POLICY_PUBLIC_KEY', policy.publicKey, document.publicKey)
  checkAge(now.getTime() - document.timestamp.getTime(), policy)
}

function checkRegister(index: number, expected: Uint8Array, actual: Uint8Array | undefined): void {
  if (actual !== undefined && Buffer.compare(expected, actual) === 0) return
  throw new PolicyError('ERR_POLICY_PCR', `PCR${index} is ${hex(actual)}; expected ${hex(expected)}`)
}

/** The values stay out of the message: a nonce may be a secret between verifier and enclave. */
function checkField(
  name: string,
  code: 'ERR_POLICY_NONCE' | 'ERR_POLICY_USER_DATA' | 'ERR_POLICY_PUBLIC_KEY',
  expected: Uint8Array | undefined,
  actual: Uint8Array | undefined,
): void {
  if (expected === undefined) return
  if (actual === undefined) throw new PolicyError(code, `the document has no ${name}; one was expected`)
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw new PolicyError(code, `${name} is not the expected one`)
  }
}

function checkAge(age: number, { maxAge, clockTolerance }: CheckedPolicy): void {
  if (age > maxAge) {
    throw new PolicyError(
      'ERR_POLICY_MAX_AGE',
      `the document is ${seconds(age)} s old; at most ${seconds(maxAge)} s are accepted`,
    )
  }
  if (age < -clockTolerance) {
    throw new PolicyError(
      'ERR_POLICY_FUTURE',
      `the document comes from ${seconds(-age)} s in the future; at most ${seconds(clockTolerance)} s are accepted. Compare the clocks`,
    )
  }
}

function readRegister(key: string, value: unknown): [number, Uint8Array] {
  const index = Number(key)
  if (!PCR_INDEX.test(key)) {
    throw new UsageError('ERR_USAGE', `${JSON.stringify(key)} is not a PCR index from 0 to 31`)
  }
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
  if (!HEX_REGISTER.test(text))
    throw new UsageError('ERR_USAGE', `PCR${index} is not 32, 48 or 64 bytes of hex`)
  return [index, Buffer.from(text, 'hex')]
}

function seconds(milliseconds: number): number {
  return milliseconds / 1000
}

function hasEntries(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (Array.isArray(value) || !(Symbol.iterator in value))
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'absent' : Buffer.from(bytes).toString('hex')
}
