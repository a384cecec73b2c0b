/** IP addresses in one spelling: two texts of the same address compare equal. */
import net from 'node:net'

export interface IpAddress {
  readonly family: net.IPVersion
  /** Without a zone. An IPv4-mapped address (RFC 4291 section 2.5.5.2) is the IPv4 one: that is what gets dialled. */
  readonly address: string
  /** Address and zone (RFC 4007 section 11): equal only for the same address. */
  readonly text: string
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/

/** Undefined unless `text` is an IP address; brackets, and IPv4 in any but four decimal numbers, are none. */
export const parseIp = (text: string): IpAddress | undefined => {
  const version = net.isIP(text)
  if (version === 0) return undefined
  if (version === 4) return { family: 'ipv4', address: text, text }
  const [plain = '', zone] = text.split('%', 2)
  const { address: canonical } = new net.SocketAddress({ address: plain, family: 'ipv6' })
  const mapped = MAPPED.exec(canonical)?.[1]
  const address = mapped ?? canonical
  return {
    family: mapped === undefined ? 'ipv6' : 'ipv4',
    address,
    text: zone === undefined ? address : `${address}%${zone}`,
  }
}

const binary = (value: number, width: number): string => value.toString(2).padStart(width, '0')

/** The 32 or 128 bits of a canonical address, as text. */
export const bitsOf = ({ family, address }: IpAddress): string => {
  const octets = (text: string) => text.split('.').map((octet) => binary(Number(octet), 8))
  if (family === 'ipv4') return octets(address).join('')
  const words = (text: string): string[] =>
    text.split(':').flatMap((word) => {
      if (word === '') return []
      return word.includes('.') ? octets(word) : [binary(Number.parseInt(word, 16), 16)]
    })
  const [head = '', tail = ''] = address.split('::', 2)
  const before = words(head).join('')
  const after = words(tail).join('')
  return before.padEnd(128 - after.length, '0') + after
}

/** `host:port`, with the brackets that an IPv6 address needs. */
export const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
