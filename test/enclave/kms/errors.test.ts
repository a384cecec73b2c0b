import { KMSClient, KMSServiceException, ListKeysCommand } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { nameTransportFailures, transportCode } from '../../../enclave/kms/errors.js'
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
  it('what is thrown while an answer is read: ERR_KMS_ANSWER', () => {
    expect(transportCode(Object.assign(failure(undefined), { $response: {} }))).toBe('ERR_KMS_ANSWER')
  })
  it('an ETIMEDOUT of our own: ERR_KMS_TIMEOUT', () => {
    expect(transportCode(new OperationError('ETIMEDOUT', 'x'))).toBe('ERR_KMS_TIMEOUT')
  })
  it.each([
    ['an abort', failure('ECONNRESET', 'AbortError')],
    ['a programming error', failure('ERR_INVALID_ARG_TYPE', 'TypeError')],
    ['no code', failure(undefined)],
    ['a time limit of somebody else', failure('ERR_SOMETHING_ELSE', 'TimeoutError')],
    ...[
      'NO_CERT_HAS_EXPIRED',
      'INVALID_CALL',
      'INVALID_PURPOSES',
      'HOSTNAME_MISMATCHES',
      'UNSPECIFIED_ERROR',
      'NO_ERR_SSL_PROTOCOL_ERROR',
      'NO_ECONNRESET',
      'ECONNRESET: read',
    ].map((code): [string, Error] => [`what only looks like one of these codes, ${code}`, failure(code)]),
    [
      'an error of this SDK over an answer',
      Object.assign(new OperationError('ERR_ENVELOPE', 'x'), { $response: {} }),
    ],
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

describe('a call that fails', () => {
  const HOST = 'kms.eu-central-1.amazonaws.com'
  /** What a call fails with whose request `handle` answers. */
  async function failureOver(
    handle: () => Promise<unknown>,
    change: (client: KMSClient) => void = () => undefined,
  ): Promise<unknown> {
    const client = new KMSClient({
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
      maxAttempts: 1,
      requestHandler: { handle } as never,
    })
    change(client)
    client.middlewareStack.use(nameTransportFailures(HOST))
    const answered = () => {
      throw new Error('nothing failed')
    }
    return client.send(new ListKeysCommand({})).then(answered, (reason: unknown) => reason)
  }

  it.each([
    ['ETIMEDOUT', 'ERR_KMS_TIMEOUT', 'did not answer in time'],
    ['EPROTO', 'ERR_KMS_TLS', 'could not be authenticated by TLS'],
    ['ECONNRESET', 'ERR_KMS_CONNECTION', 'could not be reached, or hung up'],
  ])('is named by what the transport did, which is its cause: %s', async (reason, code, words) => {
    const cause = failure(reason)
    const error = await failureOver(() => Promise.reject(cause))
    expect(error).toMatchObject({ code, message: `${HOST} ${words}`, cause })
  })
  it.each([
    ['EAGAIN', { throttling: false }],
    ['ENOENT', { throttling: false }],
    ['ENODEV', undefined],
  ])('is for the SDK to try again when a proxy is not there, or full: %s', async (code, retryable) => {
    const error = Object.assign(failure(code), { $retryable: undefined })
    await failureOver(() => Promise.reject(error))
    expect(error.$retryable).toEqual(retryable)
  })
  it.each([
    ['no failure of the transport', failure('ERR_INVALID_ARG_TYPE', 'TypeError')],
    ['not of this call’s transport', failure('ECONNRESET')],
  ])('stays as it is when it is %s', async (title, error) => {
    const thrown = () => Promise.reject(error)
    const elsewhere = (client: KMSClient) => client.middlewareStack.add(() => thrown, { step: 'build' })
    const failed = title.startsWith('not of') ? failureOver(async () => ({}), elsewhere) : failureOver(thrown)
    expect(await failed).toBe(error)
  })
  it('may be of something thrown that is no error', async () => {
    expect(await failureOver(() => Promise.reject('no network'))).toMatchObject({ message: 'no network' })
  })
  it('is named at last, when the middleware of others has seen it', async () => {
    const seen: unknown[] = []
    const error = await failureOver(
      () => Promise.reject(failure('ECONNRESET')),
      ({ middlewareStack }) =>
        middlewareStack.add(
          (next) => (args) =>
            next(args).catch((reason) => {
              seen.push(reason.code)
              throw reason
            }),
        ),
    )
    expect(seen).toEqual(['ECONNRESET'])
    expect(error).toMatchObject({ code: 'ERR_KMS_CONNECTION' })
  })
  it('is named by middleware with names of its own', () => {
    const { middlewareStack } = new KMSClient({ region: 'eu-central-1' })
    middlewareStack.use(nameTransportFailures(HOST))
    expect(middlewareStack.identify()).toEqual(
      expect.arrayContaining(['nitroTransportName - initialize', 'nitroTransportMark - deserialize']),
    )
  })
  it.each([
    ['its HTTP status', { statusCode: 503 }, '503'],
    ['that it has none', {}, 'unknown'],
  ])('over an answer that cannot be read tells %s, and nothing of it', async (_, status, words) => {
    const error = await failureOver(async () => ({
      response: { ...status, headers: {}, body: Buffer.from('<html>') },
    }))
    expect(error).toMatchObject({
      code: 'ERR_KMS_ANSWER',
      message: `${HOST} gave an answer that cannot be read (HTTP status ${words})`,
    })
    expect(error).not.toHaveProperty('cause')
  })
})
