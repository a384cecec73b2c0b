import { KMSServiceException } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { reportOf } from '../../shared/error-report.js'
import { OperationError } from '../../shared/errors.js'

describe('the report of an error', () => {
  it('has its name, message and code, and nothing else that it carries', () => {
    const cause = new Error('planted')
    const error = Object.assign(new OperationError('ERR_ENVELOPE', 'not opened', { cause }), {
      more: 'planted',
    })
    expect(reportOf(error)).toStrictEqual({
      name: 'OperationError',
      message: 'not opened',
      code: 'ERR_ENVELOPE',
    })
  })

  it('has the request id and the status of what KMS answered', () => {
    const error = new KMSServiceException({
      name: 'AccessDeniedException',
      message: 'no',
      $fault: 'client',
      $metadata: { requestId: 'a-request', httpStatusCode: 400, cfId: 'planted' },
    })
    expect(reportOf(error)).toStrictEqual({
      name: 'AccessDeniedException',
      message: 'no',
      requestId: 'a-request',
      status: 400,
    })
  })

  it('has no member that says nothing', () => {
    expect(reportOf(new TypeError('odd'))).toStrictEqual({ name: 'TypeError', message: 'odd' })
    const empty = Object.assign(new Error('odd'), { code: 7, $metadata: {} })
    expect(reportOf(empty)).toStrictEqual({ name: 'Error', message: 'odd' })
  })

  it.each([undefined, null, 'planted', { name: 'X', message: 'planted', code: 'planted' }])(
    'says of %j that it is no error',
    (thrown) => {
      expect(reportOf(thrown)).toStrictEqual({
        name: 'Error',
        message: 'something that is no error was thrown',
      })
    },
  )
})
