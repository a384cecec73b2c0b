/**
 * The host that an HTTP request names, in lower case, without port and brackets: `kms.us-east-1.amazonaws.com`,
 * `127.0.0.1`, `::1`. Undefined for what is no host (RFC 9110, section 7.2).
 */
export function hostName(header: string | undefined): string | undefined {
  const [, ipv6, other] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?$/i.exec(header ?? '') ?? []
  return (ipv6 ?? other)?.toLowerCase()
}
