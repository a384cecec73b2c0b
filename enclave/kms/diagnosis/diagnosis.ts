/** What is likely wrong with a call that failed, and what to do next. */
import type { AttestationDocument } from '../../../shared/attestation/document.js'
import type { Phase } from '../agent.js'
import type { AttestedCall } from '../attested-call.js'
import type { NoRetry } from '../expired-credentials.js'

/** Stable: a code is never renamed and never changes its meaning. docs/kms-errors.md has a row for each. */
export const DIAGNOSIS_CODES = [
  'DEBUG_MODE',
  'PCR_MISMATCH',
  'IDENTITY_POLICY',
  'KEY_POLICY',
  'EXPLICIT_DENY',
  'ACCESS_DENIED',
  'KEY_UNREACHABLE',
  'KEY_NOT_FOUND',
  'KEY_DISABLED',
  'KEY_STATE',
  'KEY_USAGE',
  'ANOTHER_KEY',
  'INVALID_CIPHERTEXT',
  'DOCUMENT_TOO_OLD',
  'DOCUMENT_REFUSED',
  'IGNORED_RECIPIENT',
  'ENVELOPE_FOR_ANOTHER_KEY',
  'ENVELOPE_REFUSED',
  'EXPIRED_CREDENTIALS',
  'UNKNOWN_CREDENTIALS',
  'WRONG_SECRET',
  'CLOCK_SKEW',
  'CERTIFICATE_DATES',
  'UNTRUSTED_CERTIFICATE',
  'WRONG_REGION',
  'WRONG_HOST',
  'NOT_TLS',
  'VSOCK_UNAVAILABLE',
  'NOBODY_LISTENS',
  'PROXY_BUSY',
  'HUNG_UP',
  'CONNECTION_LOST',
  'TIMEOUT_DIAL',
  'TIMEOUT_TLS',
  'TIMEOUT_ANSWER',
  'THROTTLED',
] as const

export type DiagnosisCode = (typeof DIAGNOSIS_CODES)[number]

/** Nothing in it is secret. */
export interface Diagnosis {
  readonly code: DiagnosisCode
  /** What is likely wrong, in sentences. */
  readonly likely: string
  /** What to do about it. */
  readonly next: string
}

/** Everything that is known of a call that failed. */
export interface Failure {
  /** What KMS calls its exception (`__type`), or the code of an error of this SDK. */
  readonly symptom: string
  /** Its own words. */
  readonly message: string
  /** Such as `Decrypt`. */
  readonly operation: string
  /** Of the transport, below an error of this SDK. */
  readonly cause: TransportCause | undefined
  readonly phase: Phase | undefined
  /** KMS's clock, when KMS answered. */
  readonly kmsTime: Date | undefined
  /** The clock here. */
  readonly now: Date
  /** When the call was attested, as far as it went. */
  readonly attested: AttestedCall | undefined
  readonly document: AttestationDocument | undefined
  readonly noRetry: NoRetry | undefined
  readonly client: KnownOfClient
}

export interface TransportCause {
  readonly code?: unknown
  readonly address?: unknown
  readonly port?: unknown
  readonly cert?: unknown
}

export interface KnownOfClient {
  readonly region: string
  readonly host: string
  /** What policies are expected to want, in lower-case hex. */
  readonly expectedPcrs: ReadonlyMap<number, string> | undefined
}

/** Recognises one cause or a group of them; `undefined` for everything else. */
export type Cause = (failure: Failure) => Diagnosis | undefined
