/** Other ways to write a COSE_Sign1 around the same signed bytes, and other signatures of the same numbers. */
import { byteString, bytes, chunked, head, joined, numbers } from './cbor-heads.js'
import type { Mutant } from './mutations.js'
import { derOf, numbersOf, ORDER, signatureOf } from './signature-numbers.js'

export interface Parts {
  readonly protectedHeader: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** What stands where, as it is encoded: `before` and `after` the array, `end` at its end. */
interface Written extends Parts {
  readonly before: Uint8Array
  readonly array: Uint8Array
  readonly unprotected: Uint8Array
  readonly end: Uint8Array
  readonly after: Uint8Array
}

type Variant = (parts: Parts) => Partial<Written>
type Variants = Readonly<Record<string, Variant>>

const TAGS = {
  'tag 18': bytes(0xd2),
  'tag 18 in two bytes': bytes(0xd8, 18),
  'tag 18 in nine bytes': joined(bytes(0xdb), new Uint8Array(7), bytes(18)),
  'tag 18 twice': bytes(0xd2, 0xd2),
  'tag 17 (COSE_Mac0)': bytes(0xd1),
  'tag 98 (COSE_Sign)': bytes(0xd8, 98),
  'tag 61 (CWT) around tag 18': bytes(0xd8, 61, 0xd2),
  'tag 55799 (self-described) around tag 18': bytes(0xd9, 0xd9, 0xf7, 0xd2),
  'tag 18 around tag 55799': bytes(0xd2, 0xd9, 0xd9, 0xf7),
  'tag 24 (encoded CBOR)': bytes(0xd8, 24),
}

const UNPROTECTED = {
  'key identifier': bytes(0xa1, 4, 0x41, 0),
  'the algorithm': bytes(0xa1, 1, 0x38, 0x22),
  'another algorithm': bytes(0xa1, 1, 0x26),
  'a certificate chain (33)': bytes(0xa1, 0x18, 33, 0x41, 0),
  'a text label': bytes(0xa1, 0x61, 0x61, 0),
  'a float': bytes(0xa1, 4, 0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
  undefined: bytes(0xa1, 4, 0xf7),
  'a tagged value': bytes(0xa1, 4, 0xc1, 0),
  'the same label twice': bytes(0xa2, 4, 0x41, 0, 4, 0x41, 1),
  'a map in a map': bytes(0xa1, 4, 0xa1, 1, 2),
  'critical parameters (2)': bytes(0xa1, 2, 0x81, 1),
  'null for a map': bytes(0xf6),
  'an array for a map': bytes(0x80),
  'a byte string for a map': bytes(0x40),
  'an indefinite empty map': bytes(0xbf, 0xff),
  'an indefinite map with a label': bytes(0xbf, 4, 0x41, 0, 0xff),
  'an empty map in two bytes': bytes(0xb8, 0),
  'an empty map in nine bytes': joined(bytes(0xbb), new Uint8Array(8)),
}

const AFTER = {
  'a zero byte': bytes(0),
  'a break': bytes(0xff),
  null: bytes(0xf6),
  'an empty array': bytes(0x80),
  'a thousand bytes': new Uint8Array(1000),
}

const ARRAY: Variants = {
  indefinite: () => ({ array: bytes(0x9f), end: bytes(0xff) }),
  'indefinite without its break': () => ({ array: bytes(0x9f) }),
  'indefinite, a fifth element': () => ({ array: bytes(0x9f), end: bytes(0, 0xff) }),
  'a fifth element': () => ({ array: head(4, 5), end: bytes(0xf6) }),
  'three elements': () => ({ array: head(4, 3), signature: bytes() }),
  'a map of two': () => ({ array: bytes(0xa2) }),
}

const PROTECTED: Readonly<Record<string, (header: Uint8Array) => Uint8Array>> = {
  chunks: (header) => chunked(header, 2),
  'a map, not wrapped': (header) => header,
  empty: () => bytes(0x40),
  'bytes after the map': (header) => byteString(joined(header, bytes(0))),
  'an indefinite map': () => byteString(bytes(0xbf, 1, 0x38, 0x22, 0xff)),
  ES256: () => byteString(bytes(0xa1, 1, 0x26)),
}

const PAYLOAD: Readonly<Record<string, (payload: Uint8Array) => Uint8Array>> = {
  'one chunk': (payload) => chunked(payload, 1),
  'three chunks': (payload) => chunked(payload, 3),
  'a text string': (payload) => joined(head(3, payload.length), payload),
  'a map, not wrapped': (payload) => payload,
  'tag 24': (payload) => joined(bytes(0xd8, 24), byteString(payload)),
  'null, detached': () => bytes(0xf6),
  'a byte after the document': (payload) => byteString(joined(payload, bytes(0))),
  'an array of its bytes': numbers,
}

const SIGNATURE: Readonly<Record<string, (signature: Uint8Array) => Uint8Array>> = {
  chunks: (signature) => chunked(signature, 2),
  'an array of its bytes': numbers,
  ...numbered('the other s', (r, s) => [r, ORDER - s]),
  ...numbered('r zero', (_, s) => [0n, s]),
  ...numbered('s zero', (r) => [r, 0n]),
  ...numbered('s + n', (r, s) => [r, s + ORDER]),
  ...numbered('n for both', () => [ORDER, ORDER]),
  ...numbered('r and s exchanged', (r, s) => [s, r]),
  'a zero before it': (signature) => byteString(joined(bytes(0), signature)),
  'a zero after it': (signature) => byteString(joined(signature, bytes(0))),
  'its first half': (signature) => byteString(signature.subarray(0, 48)),
  nothing: () => byteString(bytes()),
  'two numbers of 49 bytes': (signature) =>
    byteString(joined(bytes(0), signature.subarray(0, 48), bytes(0), signature.subarray(48))),
  DER: (signature) => byteString(derOf(signature)),
}

const VARIANTS: Variants = {
  'as it was': () => ({}),
  ...at('before', TAGS, (tag) => () => ({ before: tag })),
  ...at('unprotected', UNPROTECTED, (map) => () => ({ unprotected: map })),
  ...at('after', AFTER, (rest) => () => ({ after: rest })),
  ...at('array', ARRAY, (variant) => variant),
  ...at('array', lengths(1, 2, 4, 8), (width) => () => ({ array: head(4, 4, width) })),
  ...at('protected', PROTECTED, (write) => (parts) => ({ protectedHeader: write(parts.protectedHeader) })),
  ...at('protected', lengths(1, 2, 4, 8), (width) => (parts) => ({
    protectedHeader: byteString(parts.protectedHeader, width),
  })),
  ...at('payload', PAYLOAD, (write) => (parts) => ({ payload: write(parts.payload) })),
  ...at('payload', lengths(4, 8), (width) => (parts) => ({ payload: byteString(parts.payload, width) })),
  ...at('signature', SIGNATURE, (write) => (parts) => ({ signature: write(parts.signature) })),
  ...at('signature', lengths(2, 4, 8), (width) => (parts) => ({
    signature: byteString(parts.signature, width),
  })),
}

/** Every variant of a document. */
export function envelopeVariants(parts: Parts): readonly Mutant[] {
  return Object.entries(VARIANTS).map(([name, variant]) => ({ name, bytes: write(parts, variant(parts)) }))
}

function write(parts: Parts, changed: Partial<Written>): Uint8Array {
  const { before, array, protectedHeader, unprotected, payload, signature, end, after }: Written = {
    before: bytes(),
    array: head(4, 4),
    protectedHeader: byteString(parts.protectedHeader),
    unprotected: head(5, 0),
    payload: byteString(parts.payload),
    signature: byteString(parts.signature),
    end: bytes(),
    after: bytes(),
    ...changed,
  }
  return joined(before, array, protectedHeader, unprotected, payload, signature, end, after)
}

function at<Value>(
  place: string,
  values: Readonly<Record<string, Value>>,
  variant: (value: Value) => Variant,
): Variants {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${place}: ${name}`, variant(value)]),
  )
}

/** Widths of a length that is written longer than it has to be. */
function lengths(...widths: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(widths.map((width) => [`its length in ${width} bytes`, width]))
}

function numbered(
  name: string,
  changed: (r: bigint, s: bigint) => readonly [bigint, bigint],
): Readonly<Record<string, (signature: Uint8Array) => Uint8Array>> {
  const write = (signature: Uint8Array): Uint8Array => {
    const { r, s } = numbersOf(signature)
    return byteString(signatureOf(...changed(r, s)))
  }
  return { [name]: write }
}
