/** No connection to KMS, or none that lasts. */
import { withoutControls } from '../../../shared/printable.js'
import type { Diagnosis, Failure } from './diagnosis.js'

export function noVsock({ symptom, phase }: Failure): Diagnosis | undefined {
  // A provider of credentials may lack it, too.
  if (symptom !== 'ERR_VSOCK_UNAVAILABLE' || phase !== 'dial') return undefined
  return {
    code: 'VSOCK_UNAVAILABLE',
    likely: 'This process has no vsock: it runs in no enclave, or without the native addon.',
    next: 'Elsewhere than in an enclave give createKmsClient a `dial`, or run a simulation, which has one.',
  }
}

/** Nobody listening: on AF_VSOCK it is ECONNRESET. */
const NOBODY: readonly string[] = ['ECONNREFUSED', 'ECONNRESET', 'ENOENT']
const GONE: readonly string[] = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']

export function noConnection({ symptom, cause, phase, client }: Failure): Diagnosis | undefined {
  if (symptom !== 'ERR_KMS_CONNECTION') return undefined
  const code = String(cause?.code)
  if (phase === 'dial' && code === 'EAGAIN') {
    return {
      code: 'PROXY_BUSY',
      likely: "Too many connections wait to be accepted by the parent's proxy.",
      next: 'See whether it hangs; let it accept more, or make fewer calls at once.',
    }
  }
  if (phase === 'dial' && NOBODY.includes(code)) {
    const { address, port } = cause ?? {}
    const where = typeof address === 'string' ? ` at ${withoutControls(address)}` : ''
    const door = where !== '' && typeof port === 'number' ? `, port ${port}` : ''
    return {
      code: 'NOBODY_LISTENS',
      likely: `Nobody listens${where}${door}: the parent's proxy does not run.`,
      next: `Start it on the parent, leading to ${client.host} (by default the enclave dials vsock port 8000 of CID 3).`,
    }
  }
  if (phase === 'handshake' && GONE.includes(code)) {
    return {
      code: 'HUNG_UP',
      likely: `The parent's proxy took the connection and hung up: it may not lead to ${client.host}, or cannot reach it.`,
      next: "Read the proxy's log: its allowlist, its name resolution, the parent's own way to KMS.",
    }
  }
  if (phase === undefined && GONE.includes(code)) {
    return {
      code: 'CONNECTION_LOST',
      likely: 'The connection was lost in the middle of the call, at each attempt.',
      next: "Read the proxy's log: a restart, an idle timeout shorter than a call, a limit of connections.",
    }
  }
  return undefined
}

export function noAnswer({ symptom, phase, client }: Failure): Diagnosis | undefined {
  if (symptom !== 'ERR_KMS_TIMEOUT') return undefined
  if (phase === 'dial') {
    return {
      code: 'TIMEOUT_DIAL',
      likely: "Nobody took the connection in time: the parent's proxy hangs, or is not there.",
      next: 'See whether it runs and accepts; `connectTimeout` sets the time.',
    }
  }
  if (phase === 'handshake') {
    return {
      code: 'TIMEOUT_TLS',
      likely: `The parent's proxy took the connection, but TLS with ${client.host} did not begin in time.`,
      next: 'See whether the parent reaches KMS: names, routes, security groups; `connectTimeout` sets the time.',
    }
  }
  return {
    code: 'TIMEOUT_ANSWER',
    likely:
      'No answer ended in time, at each attempt: after TLS began, or because all connections of this client were ' +
      'taken by other calls.',
    next:
      'See whether the proxy or the network loses packets, make fewer calls at once; `requestTimeout` sets the time of ' +
      'one attempt.',
  }
}
