import { KMSServiceException } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { transportCode } from '../../../enclave/kms/errors.js'
import { OperationError } from '../../../shared/errors.js'

function failure(code: string | undefined, name = 'Error'): Error {
  return Object.assign(new Error('x'), { name, ...(code === undefined ? {} : { code }) })
}

describe('transportCode', () => {
  it.each(['ETIMEDOUT', 'ESOCKETTIMEDOUT'])('%s: ERR_KMS_TIMEOUT', (code) => {
    expect(transportCode(failure(code))).toBe('ERR_KMS_TIMEOUT')
  })
  it.each([
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_SIGNATURE_FAILURE',
    'CERT_UNTRUSTED',
    'CRL_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
    'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
    'ERROR_IN_CERT_NOT_AFTER_FIELD',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_EXCEEDED',
    'HOSTNAME_MISMATCH',
    'UNSPECIFIED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'EPROTO',
  ])('%s: ERR_KMS_TLS', (code) => {
    expect(transportCode(failure(code))).toBe('ERR_KMS_TLS')
  })
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ENOENT',
    'ENODEV',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EAI_AGAIN',
    'ERR_STREAM_PREMATURE_CLOSE',
    'HPE_INVALID_CONSTANT',
  ])('%s: ERR_KMS_CONNECTION', (code) => {
    // The SDK calls resets and the like TimeoutError, too.
    expect(transportCode(failure(code, 'TimeoutError'))).toBe('ERR_KMS_CONNECTION')
  })
  it('TimeoutError without a code: ERR_KMS_TIMEOUT', () => {
    expect(transportCode(failure(undefined, 'TimeoutError'))).toBe('ERR_KMS_TIMEOUT')
  })
  it('an ETIMEDOUT of our own: ERR_KMS_TIMEOUT', () => {
    expect(transportCode(new OperationError('ETIMEDOUT', 'x'))).toBe('ERR_KMS_TIMEOUT')
  })
  it.each([
    ['an abort', failure('ECONNRESET', 'AbortError')],
    ['a programming error', failure('ERR_INVALID_ARG_TYPE', 'TypeError')],
    ['no code', failure(undefined)],
    ['an error that has its name already', new OperationError('ERR_VSOCK_UNAVAILABLE', 'x')],
    [
      "KMS's own exception",
      Object.assign(new KMSServiceException({ name: 'TimeoutError', $fault: 'server', $metadata: {} }), {
        code: 'ETIMEDOUT',
      }),
    ],
  ])('%s: unchanged', (_, error) => {
    expect(transportCode(error)).toBeUndefined()
  })
})
