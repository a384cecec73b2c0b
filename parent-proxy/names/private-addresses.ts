/**
 * Addresses that an allowed name must not lead to by itself: this machine's own services, and those that the instance
 * alone may ask (metadata, credentials, DNS, time). Whoever rules a name's DNS would otherwise reach the credentials
 * of the parent's role through it. Not those of RFC 1918: they are the VPC's.
 */
import net from 'node:net'
import { bitsOf, type IpAddress } from './ip-address.js'

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
  // The same ones behind a NAT64 gateway (RFC 6052 section 2.1), and as SIIT has them (RFC 2765 section 2.1).
  ranges.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
  ranges.addSubnet(`::ffff:0:${network}`, 96 + prefix, 'ipv6')
  // 6to4 (RFC 3056 section 2): the IPv4 address is in bits 16 to 48.
  const [a = 0, b = 0] = network.split('.').map(Number)
  ranges.addSubnet(`2002:${(a * 256 + b).toString(16)}::`, 16 + prefix, 'ipv6')
}

/** 64:ff9b:1::/48, for NAT64 of a network's own (RFC 8215). */
const LOCAL_NAT64 = bitsOf({ family: 'ipv6', address: '64:ff9b:1::', text: '64:ff9b:1::' }).slice(0, 48)

const dotted = (bits: string): string =>
  [0, 8, 16, 24].map((at) => Number.parseInt(bits.slice(at, at + 8), 2)).join('.')

/**
 * The IPv4 addresses that one in LOCAL_NAT64 may stand for (RFC 6052 section 2.2): in the last 32 bits, or, behind a
 * prefix of 64 bits, in bits 72 to 104 with zeros after them. Behind one of 48 or 56 bits the last 32 are zeros, and
 * so 0.0.0.0: none of those is dialled.
 */
const translated = (address: IpAddress): readonly string[] => {
  if (address.family === 'ipv4') return []
  const bits = bitsOf(address)
  if (!bits.startsWith(LOCAL_NAT64)) return []
  const short = bits.slice(72, 96).includes('1') && !bits.slice(104).includes('1')
  return [dotted(bits.slice(96)), ...(short ? [dotted(bits.slice(72, 104))] : [])]
}

export const isPrivate = (ip: IpAddress): boolean =>
  ranges.check(ip.address, ip.family) || translated(ip).some((address) => ranges.check(address))
