/** Bytes as text and back, by what every JavaScript engine has: Buffer is Node's alone. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const latin1 = new TextDecoder('latin1')

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** Pairs of hex digits of either case; undefined when the text is anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) return undefined
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  )
}

/** Base64 (RFC 4648, section 4) in its one canonical form; undefined when the text is anything else. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    const binary = atob(text)
    return btoa(binary) === text ? fromBinary(binary) : undefined
  } catch {
    return undefined
  }
}

/**
 * One character a byte: equal bytes are equal texts, which a Map can hold, and ASCII is read as what it is. (The label
 * means windows-1252, which shifts 0x80 to 0x9f and still keeps all 256 apart: WHATWG Encoding, section 9.)
 */
export function toText(bytes: Uint8Array): string {
  return latin1.decode(bytes)
}

/** Characters up to U+00FF, a byte each, as `atob` gives them. */
export function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** Not in constant time: for bytes that everybody may know. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
