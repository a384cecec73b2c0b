/** Names what went wrong between the enclave and KMS. */
import { KMSServiceException, type ServiceInputTypes, type ServiceOutputTypes } from '@aws-sdk/client-kms'
import type { Pluggable } from '@smithy/types'
import { NitroEnclaveError, type OperationCode, OperationError } from '../../shared/errors.js'
import { failing } from './failing.js'

type TransportCode = Extract<
  OperationCode,
  'ERR_KMS_TIMEOUT' | 'ERR_KMS_TLS' | 'ERR_KMS_CONNECTION' | 'ERR_KMS_ANSWER'
>

const WORDS: Readonly<Record<TransportCode, string>> = {
  ERR_KMS_TIMEOUT: 'did not answer in time',
  ERR_KMS_TLS: 'could not be authenticated by TLS',
  ERR_KMS_CONNECTION: 'could not be reached, or hung up',
  ERR_KMS_ANSWER: 'gave an answer that cannot be read',
}

/** Names of OpenSSL's X509_V_ERR_* as Node gives them (nodejs.org/api/tls.html, X509 certificate error codes). */
const CERTIFICATE =
  /^(CERT_|CRL_|ERROR_IN_C|UNABLE_TO_(GET|DECRYPT|DECODE|VERIFY)_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_|HOSTNAME_MISMATCH$|UNSPECIFIED$)/

/**
 * Too many wait to be accepted, or nobody listens yet: these on Unix sockets. On AF_VSOCK both are ECONNRESET, which
 * the SDK tries again by itself.
 */
const REFUSED: readonly unknown[] = ['EAGAIN', 'ENOENT']

/**
 * Turns failures of the transport into OperationErrors ERR_KMS_TLS, ERR_KMS_TIMEOUT and ERR_KMS_CONNECTION
 * that keep the original as `cause`, and what the SDK throws over an answer that it cannot read into ERR_KMS_ANSWER,
 * without: the original shows what it read. KMS's own exceptions, aborts, and errors that come from elsewhere (the
 * credentials' provider has connections of its own) pass unchanged. A proxy's Unix socket that is missing or full is
 * tried again like any other refused connection.
 */
export function nameTransportFailures(host: string): Pluggable<ServiceInputTypes, ServiceOutputTypes> {
  const fromTransport = new WeakSet<object>()
  return {
    applyToStack(stack) {
      // Around the exchange alone, inside the retries: here an error shows where it comes from.
      stack.add(
        failing((error) => {
          if (!(error instanceof Error)) return error
          fromTransport.add(error)
          const refused = REFUSED.includes((error as NodeJS.ErrnoException).code)
          return refused ? Object.assign(error, { $retryable: { throttling: false } }) : error
        }),
        { name: 'nitroTransportMark', step: 'deserialize', priority: 'high' },
      )
      // Outside the SDK's retries.
      stack.add(
        failing((error) => {
          const code = error instanceof Error && fromTransport.has(error) ? transportCode(error) : undefined
          return code === undefined ? error : failure(code, host, error)
        }),
        { name: 'nitroTransportName', step: 'initialize', priority: 'high' },
      )
    },
  }
}

function failure(code: TransportCode, host: string, cause: unknown): OperationError {
  const words = `${host} ${WORDS[code]}`
  if (code !== 'ERR_KMS_ANSWER') return new OperationError(code, words, { cause })
  const { $metadata } = cause as { readonly $metadata?: { readonly httpStatusCode?: number } }
  return new OperationError(code, `${words} (HTTP status ${$metadata?.httpStatusCode ?? 'unknown'})`)
}

/** Which of the four failures an error is, `undefined` when none. */
export function transportCode(error: Error): TransportCode | undefined {
  if (error instanceof KMSServiceException || error.name === 'AbortError') return undefined
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  if (code === 'ETIMEDOUT' || code === 'ESOCKETTIMEDOUT') return 'ERR_KMS_TIMEOUT'
  if (error instanceof NitroEnclaveError) return undefined
  if (code === 'EPROTO' || /^ERR_(SSL|TLS)_/.test(code) || CERTIFICATE.test(code)) return 'ERR_KMS_TLS'
  // errno and resolver names, a broken body, and what is not HTTP (llhttp).
  if (/^E(?!RR)[A-Z0-9_]+$/.test(code) || code === 'ERR_STREAM_PREMATURE_CLOSE' || code.startsWith('HPE_')) {
    return 'ERR_KMS_CONNECTION'
  }
  if (code === '' && error.name === 'TimeoutError') return 'ERR_KMS_TIMEOUT'
  // The SDK's mark of whatever is thrown while an answer is read.
  return '$response' in error ? 'ERR_KMS_ANSWER' : undefined
}
