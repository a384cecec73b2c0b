import { expect, it } from 'vitest'
import { noAnswer, noConnection, noVsock } from '../../../../enclave/kms/diagnosis/connection.js'
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

it.each([
  ['dial', 'EAGAIN', 'PROXY_BUSY'],
  ['dial', 'ECONNREFUSED', 'NOBODY_LISTENS'],
  ['dial', 'ECONNRESET', 'NOBODY_LISTENS'],
  ['dial', 'ENOENT', 'NOBODY_LISTENS'],
  ['dial', 'EPIPE', undefined],
  ['handshake', 'EAGAIN', undefined],
  ['handshake', 'ECONNREFUSED', undefined],
  ['handshake', 'ECONNRESET', 'HUNG_UP'],
  ['handshake', 'EPIPE', 'HUNG_UP'],
  [undefined, 'ECONNRESET', 'CONNECTION_LOST'],
  [undefined, 'EPIPE', 'CONNECTION_LOST'],
  [undefined, 'ERR_STREAM_PREMATURE_CLOSE', 'CONNECTION_LOST'],
  [undefined, 'ENOENT', undefined],
  [undefined, undefined, undefined],
])('a connection that fails, in the phase %s with %s: %s', (phase, code, expected) => {
  const failure = { symptom: 'ERR_KMS_CONNECTION', cause: code && { code }, phase, client: {} }
  expect(noConnection(failure as unknown as Failure)?.code).toBe(expected)
})

it('other failures are none of the connection', () => {
  const failure = { phase: 'dial', cause: { code: 'ECONNREFUSED' }, client: {} }
  const causes = {
    ERR_KMS_CONNECTION: noConnection,
    ERR_KMS_TIMEOUT: noAnswer,
    ERR_VSOCK_UNAVAILABLE: noVsock,
  }
  for (const symptom of ['ERR_KMS_TLS', ...Object.keys(causes)]) {
    for (const [own, cause] of Object.entries(causes)) {
      expect(cause({ ...failure, symptom } as unknown as Failure) === undefined).toBe(symptom !== own)
    }
  }
})
