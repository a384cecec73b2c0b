/** Errors that explain themselves: what KMS said, what is likely wrong, and what to do next. */
import { KMSServiceException, type ServiceInputTypes, type ServiceOutputTypes } from '@aws-sdk/client-kms'
import type { HandlerExecutionContext, Pluggable } from '@smithy/types'
import { type AttestationDocument, parseAttestation } from '../../shared/attestation/document.js'
import { OperationError } from '../../shared/errors.js'
import { phaseOf } from './agent.js'
import { attestedCall } from './attested-call.js'
import { accessDenied } from './diagnosis/access-denied.js'
import { certificateDates, signatureDate } from './diagnosis/clock.js'
import { noAnswer, noConnection, noVsock } from './diagnosis/connection.js'
import { expiredCredentials, unknownCredentials, wrongSecret } from './diagnosis/credentials.js'
import type { Cause, Diagnosis, Failure, KnownOfClient, TransportCause } from './diagnosis/diagnosis.js'
import { refusedDocument } from './diagnosis/document.js'
import { ignoredRecipient, unopened } from './diagnosis/envelope.js'
import { unusableKey } from './diagnosis/key.js'
import { unauthenticated, wrongScope, wrongServer } from './diagnosis/server.js'
import { throttled } from './diagnosis/throttling.js'
import type { NoRetry } from './expired-credentials.js'
import { failing } from './failing.js'

/** The first that recognises a failure counts; none recognises it: no diagnosis is made up. */
const CAUSES: readonly Cause[] = [
  accessDenied,
  unusableKey,
  refusedDocument,
  expiredCredentials,
  unknownCredentials,
  wrongSecret,
  wrongScope,
  signatureDate,
  throttled,
  unopened,
  ignoredRecipient,
  certificateDates,
  wrongServer,
  unauthenticated,
  noVsock,
  noConnection,
  noAnswer,
]

/**
 * What has been explained: one error may be that of several calls, as a provider gives it. A property would not tell:
 * the SDK takes over whatever properties an answer gives an exception.
 */
const explained = new WeakSet<object>()

/** The diagnosis of an error that a call threw; `undefined` where there is none. */
export function diagnosisOf(error: unknown): Diagnosis | undefined {
  const { diagnosis } = (error ?? {}) as { readonly diagnosis?: Diagnosis }
  return diagnosis
}

export interface ExplainOptions extends KnownOfClient {
  readonly noRetry: (error: object) => NoRetry | undefined
}

/**
 * Adds `diagnosis` to KMS's own exceptions and to OperationErrors, and says it all in their message; class, name, code
 * and $metadata stay. KMS's exceptions tell their `__type` and request id there in any case. Other errors pass.
 */
export function explainFailures(options: ExplainOptions): Pluggable<ServiceInputTypes, ServiceOutputTypes> {
  /** What KMS answered. A provider of credentials may throw exceptions of other services, which look alike. */
  const answered = new WeakSet<object>()
  return {
    applyToStack(stack) {
      stack.add(
        failing((error) => {
          if (error instanceof KMSServiceException) answered.add(error)
          return error
        }),
        { name: 'nitroAnswered', step: 'deserialize', priority: 'high' },
      )
      // Added before whatever names transport failures: further out.
      stack.add(
        failing((error, context) => {
          const known =
            error instanceof OperationError || (error instanceof KMSServiceException && answered.has(error))
          if (known && !explained.has(error)) explain(error, context, options)
          return error
        }),
        { name: 'nitroDiagnosis', step: 'initialize', priority: 'high' },
      )
    },
  }
}

/** What the SDK writes where KMS wrote nothing. */
const NO_WORDS = 'UnknownError'

function explain(
  error: KMSServiceException | OperationError,
  context: HandlerExecutionContext,
  options: ExplainOptions,
): void {
  explained.add(error)
  const failure = failureOf(error, context, options)
  const diagnosis = firstOf(failure)
  const { message: original } = error
  const message = original === NO_WORDS ? 'KMS gives no reason' : original
  const said = error instanceof KMSServiceException ? ` (${origin(error)})` : ''
  const told = diagnosis
    ? `${stopped(message + said)} Likely: ${diagnosis.likely} Next: ${diagnosis.next}`
    : message + said
  // A stack begins with the message that the error was made with.
  const { stack } = error
  error.message = told
  if (original !== '' && stack?.includes(original)) error.stack = stack.replace(original, () => told)
  if (diagnosis === undefined) Reflect.deleteProperty(error, 'diagnosis')
  else {
    Object.defineProperty(error, 'diagnosis', { value: Object.freeze(diagnosis), enumerable: true })
  }
}

function firstOf(failure: Failure): Diagnosis | undefined {
  for (const cause of CAUSES) {
    const diagnosis = cause(failure)
    if (diagnosis !== undefined) return diagnosis
  }
  return undefined
}

function origin({ name, $metadata }: KMSServiceException): string {
  const { requestId } = $metadata
  return requestId === undefined ? name : `${name}, request id ${requestId}`
}

const stopped = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

function failureOf(
  error: KMSServiceException | OperationError,
  context: HandlerExecutionContext,
  { noRetry, ...client }: ExplainOptions,
): Failure {
  const attested = attestedCall(context)
  const cause = error.cause instanceof Error ? (error.cause as Error & TransportCause) : undefined
  return {
    symptom: error instanceof OperationError ? error.code : error.name,
    message: error.message,
    operation: String(context.commandName).replace(/Command$/, ''),
    cause,
    phase: phaseOf(error) ?? (cause && phaseOf(cause)),
    kmsTime: error instanceof KMSServiceException ? dateOf(error) : undefined,
    now: new Date(),
    attested,
    document: attested && readDocument(attested.document),
    noRetry: noRetry(error),
    client,
  }
}

/** The header Date of an answer, to the second. */
function dateOf({ $response }: KMSServiceException): Date | undefined {
  const date = new Date($response?.headers.date ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** Whatever it is that cannot be read: to explain one error must not bring about another. */
function readDocument(bytes: Uint8Array): AttestationDocument | undefined {
  try {
    return parseAttestation(bytes).document
  } catch {
    return undefined
  }
}
