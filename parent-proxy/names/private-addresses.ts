/**
 * Addresses that an allowed name must not lead to by itself: this machine's own services, and those that the instance
 * alone may ask (metadata, credentials, DNS, time). Whoever rules a name's DNS would otherwise reach the credentials
 * of the parent's role through it. Not those of RFC 1918: they are the VPC's.
 */
import net from 'node:net'
import type { IpAddress } from './ip-address.js'

const IPV4 = [
  /** This host; Linux takes it for loopback (RFC 1122 section 3.2.1.3). */
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  /** Link-local (RFC 3927): the instance's and the container's metadata and credentials. */
  ['169.254.0.0', 16],
] as const

const IPV6 = [
  /** `::`, `::1` and the IPv4-compatible ones (RFC 4291 sections 2.5.2, 2.5.3 and 2.5.5.1). */
  ['::', 96],
  /** Link-local (RFC 4291 section 2.5.6). */
  ['fe80::', 10],
  /** The instance's services at their IPv6 addresses: metadata is fd00:ec2::254. */
  ['fd00:ec2::', 32],
] as const

const ranges = new net.BlockList()
for (const [network, prefix] of IPV6) ranges.addSubnet(network, prefix, 'ipv6')
for (const [network, prefix] of IPV4) {
  ranges.addSubnet(network, prefix, 'ipv4')
  // The same ones behind a NAT64 gateway (RFC 6052 section 2.1).
  ranges.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}

export const isPrivate = ({ family, address }: IpAddress): boolean => ranges.check(address, family)
