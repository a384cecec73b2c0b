/** Host names in one spelling: RFC 1123 section 2.1 and RFC 1035 section 2.3, and the underscores that DNS knows. */

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** Such a name would be a badly written IPv4 address: 10.0.0.256, 127.1, 0x7f.1. */
const NUMBER = /^(?:\d+|0x[0-9a-f]*)$/

/**
 * Lower case, without the trailing dot; undefined for what is no host name: an empty label or one above 63
 * characters, more than 253 in all, a number at the end, letters beyond ASCII (a name in another script is written
 * as its A-label, `xn--…`).
 */
export const parseHostName = (text: string): string | undefined => {
  if (text.length > 254) return undefined
  const name = text.toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) return undefined
  return NUMBER.test(labels.at(-1) ?? '') ? undefined : name
}
