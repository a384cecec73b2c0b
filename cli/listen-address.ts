import { isIP, isIPv6 } from 'node:net'
import { InvalidArgumentError } from 'commander'

export interface ListenAddress {
  /** IP address. */
  readonly address: string
  readonly port: number
}

/** Reads `127.0.0.1:8443`, `[::1]:8443`, or a port alone, which is one of 127.0.0.1. Port 0: one that is free. */
export function listenAddress(value: string): ListenAddress {
  const [, ipv6, ipv4 = '127.0.0.1', digits] = /^(?:\[(.+)\]:|([\d.]+):)?(\d{1,5})$/.exec(value) ?? []
  const address = ipv6 ?? ipv4
  const port = Number(digits)
  const right = ipv6 === undefined ? isIP(address) === 4 : isIPv6(address) && !address.includes('%')
  if (!right || !(port <= 0xffff)) {
    throw new InvalidArgumentError('Expected an IP address and a port, as in 127.0.0.1:8443 or [::1]:8443.')
  }
  // As URLs and the Host header have it.
  return {
    address: ipv6 === undefined ? address : new URL(`http://[${address}]`).hostname.slice(1, -1),
    port,
  }
}
