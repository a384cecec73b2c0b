import { expect, it } from 'vitest'
import { noConnection } from '../../../../enclave/kms/diagnosis/connection.js'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'

const diagnosisFor = (cause: object) =>
  noConnection({
    symptom: 'ERR_KMS_CONNECTION',
    phase: 'dial',
    cause,
    client: { region: 'us-east-1', host: 'kms.us-east-1.amazonaws.com', expectedPcrs: undefined },
  } as unknown as Failure)

it.each([
  ['address and port', { address: 'vsock:3:8000', port: 8000 }, ' at vsock:3:8000, port 8000'],
  ['an address', { address: '/run/3.8000' }, ' at /run/3.8000'],
  ['a port, which says nothing by itself', { port: 8000 }, ''],
  ['nothing', {}, ''],
  ['an address that is none', { address: 5, port: 8000 }, ''],
  ['a port that is none', { address: 'there', port: '8000' }, ' at there'],
  ['control characters', { address: 'there\u001b[31m' }, ' at there\\u{1b}[31m'],
])('where nobody listens, as told by %s', (_, told, where) => {
  const { code, likely } = diagnosisFor({ code: 'ECONNREFUSED', ...told }) ?? {}
  expect(code).toBe('NOBODY_LISTENS')
  expect(likely).toBe(`Nobody listens${where}: the parent's proxy does not run.`)
})
