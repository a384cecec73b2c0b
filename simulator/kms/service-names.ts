/** Under which names a KMS on this machine is reached: those in its certificate, and those that it takes as Host. */
import { networkInterfaces } from 'node:os'
import { kmsHost } from '../../enclave/kms/endpoint.js'

const UNSPECIFIED = ['0.0.0.0', '::']

/**
 * KMS's own name in the region, this machine's on loopback, and the address that is listened on: for one that stands
 * for all, every address of this machine. `more`: names of the user's own. In lower case, each once.
 */
export function serviceNames(region: string, address: string, more: readonly string[] = []): string[] {
  const listened = UNSPECIFIED.includes(address) ? machineAddresses() : [address]
  const names = [kmsHost(region), 'localhost', '127.0.0.1', '::1', ...listened, ...more]
  return [...new Set(names.map((name) => name.toLowerCase()))]
}

/** For a URL: an address that stands for all is reached by loopback. */
export function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address)
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map(({ address }) => address),
  )
}
