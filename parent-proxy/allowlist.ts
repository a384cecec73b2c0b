/** Which endpoint a proxy may reach: decided once, before it listens. */
import { UsageError } from '../shared/errors.js'

export interface Target {
  readonly host: string
  readonly port: number
}

/** `address` is a host name or an IP address, compared to the letter: no wildcard, no resolution. */
export interface AllowlistEntry {
  readonly address: string
  readonly port: number
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 0xffff

/** @throws UsageError ERR_PROXY_CONFIG unless `target` is in `allowlist`; an empty list allows nothing. */
export const checkTarget = ({ host, port }: Target, allowlist: readonly AllowlistEntry[]): void => {
  if (host === '') throw new UsageError('ERR_PROXY_CONFIG', 'to.host is empty')
  if (!isPort(port)) {
    throw new UsageError('ERR_PROXY_CONFIG', `to.port is an integer from 1 to 65535, not ${String(port)}`)
  }
  if (allowlist.some((entry) => entry.address === host && entry.port === port)) return
  throw new UsageError(
    'ERR_PROXY_CONFIG',
    `The given address and port are not allowed: ${host}:${port} is not in the allowlist`,
  )
}
