/** In which order the addresses of a name are tried. */
import type { Family } from './dns-question.js'
import type { Addresses } from './resolved-name.js'

/** The family that is tried first, or the only one that is asked for and tried. */
export type AddressPreference = 'ipv4' | 'ipv6' | 'ipv4-only' | 'ipv6-only'

export const familiesOf = (prefer: AddressPreference | undefined): readonly Family[] => {
  if (prefer === 'ipv4-only') return [4]
  return prefer === 'ipv6-only' ? [6] : [4, 6]
}

/**
 * Without a preference the families take turns (RFC 8305 section 4), IPv4 first: every endpoint of AWS has it, and
 * IPv6 may be configured in a subnet whose routes lead nowhere. A preferred family has all of its addresses first.
 */
export const inOrder = (addresses: Addresses, prefer?: AddressPreference): readonly string[] => {
  const [ipv4, ipv6] = [addresses[4], addresses[6]]
  if (prefer === 'ipv4-only') return ipv4
  if (prefer === 'ipv6-only') return ipv6
  if (prefer === 'ipv4') return [...ipv4, ...ipv6]
  if (prefer === 'ipv6') return [...ipv6, ...ipv4]
  const turns = Array.from({ length: Math.max(ipv4.length, ipv6.length) }, (_, index) => index)
  return turns.flatMap((turn) => [ipv4[turn], ipv6[turn]]).filter((address) => address !== undefined)
}
