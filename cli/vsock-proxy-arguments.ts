/** What `vsock-proxy` is given: checked in the order, and refused in the words, of AWS's 1.0.2 (vsock_proxy/src/main.rs). */
import type { Target } from '../parent-proxy/allowlist.js'
import type { AddressPreference } from '../parent-proxy/resolver.js'
import { UsageError } from '../shared/errors.js'

/** As the command line has them. */
export interface VsockProxyOptions {
  readonly ipv4?: true
  readonly ipv6?: true
  readonly num_workers: string
  readonly config: string
  readonly listen?: string
}

export interface VsockProxyArguments {
  readonly localPort: number
  readonly target: Target
  readonly config: string
  readonly prefer: AddressPreference | undefined
  /** An address in place of the vsock port. */
  readonly listen: string | undefined
}

const MAX_VSOCK_PORT = 0xfffffffe
const MAX_TCP_PORT = 0xffff
/** usize. */
const MAX_WORKERS = 2 ** 64

/** AWS's words, and ours as the cause. */
function refusal(words: string, why: string): UsageError {
  return new UsageError('ERR_USAGE', words, { cause: new Error(why) })
}

/** As Rust parses an unsigned integer: digits, with a plus sign or without. */
function unsigned(text: string, min: number, max: number, name: string): number {
  const value = Number(text)
  if (/^\+?[0-9]+$/.test(text) && value >= min && value <= max) return value
  throw refusal(`${name} is not valid`, `it is a number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

/** Throws UsageError ERR_USAGE. */
export function checkArguments(
  localPort: string,
  host: string,
  remotePort: string,
  { ipv4, ipv6, num_workers: workers, config, listen }: VsockProxyOptions,
): VsockProxyArguments {
  const local = unsigned(localPort, 0, MAX_VSOCK_PORT, 'Local port')
  const port = unsigned(remotePort, 1, MAX_TCP_PORT, 'Remote port')
  if (unsigned(workers, 0, MAX_WORKERS, 'Number of workers') === 0) {
    throw refusal('Number of workers must not be 0', 'here it bounds nothing: leave -w out')
  }
  const prefer = ipv4 ? 'ipv4-only' : ipv6 ? 'ipv6-only' : undefined
  return { localPort: local, target: { host, port }, config, prefer, listen }
}
