/**
 * BER values (ITU-T X.690), read by node-forge's strict parser, and written as DER. The only file that imports
 * node-forge. Reads only the subset needed: low tag numbers, definite and indefinite lengths, nothing after the value.
 */
/// <reference path="./node-forge-asn1.d.ts" />
import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { type Asn1Value, constructed, primitive } from './asn1.js'
import { concatenated } from './bytes.js'
import { FormatError } from './errors.js'

/** A CMS reply nests 8 deep. */
const MAX_DEPTH = 16
/** BMPString, which node-forge reads as characters, past its end when its length is odd. */
const BMP_STRING = 30
/** Of the identifier octet (X.690, section 8.1.2.5). */
const CONSTRUCTED = 0x20
/** A tag number of several bytes (X.690, section 8.1.2.4), which node-forge takes for tag 31. */
const HIGH_TAG = 31

/** Reads exactly one value from `bytes`. Throws FormatError ERR_BER. */
export function readBer(bytes: Uint8Array): Asn1Value {
  let value: Asn1
  try {
    value = asn1.fromDer(Buffer.from(bytes).toString('latin1'), {
      strict: true,
      parseAllBytes: true,
      decodeBitStrings: false,
      maxDepth: MAX_DEPTH,
    })
  } catch {
    throw new FormatError('ERR_BER', 'not one well-formed BER value')
  }
  return fromForge(value)
}

/** Writes a value with definite, minimal lengths: DER, when its contents are. (node-forge drops zeros from contents.) */
export function writeDer({ tagClass, tag, constructed, content, children }: Asn1Value): Uint8Array {
  const body = constructed ? concatenated(children.map(writeDer)) : content
  const identifier = tagClass | (constructed ? CONSTRUCTED : 0) | tag
  return concatenated([Uint8Array.of(identifier, ...lengthOctets(body.length)), body])
}

/** X.690, sections 8.1.3.4 and 8.1.3.5. */
function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff)
  return [0x80 | octets.length, ...octets]
}

function fromForge(value: Asn1): Asn1Value {
  if (value.type === HIGH_TAG || (value.type === BMP_STRING && !Array.isArray(value.value))) {
    throw new FormatError('ERR_BER', `tag ${value.type} is not read here`)
  }
  return Array.isArray(value.value)
    ? constructed(value.type, value.value.map(fromForge), value.tagClass)
    : primitive(value.type, Buffer.from(value.value, 'latin1'), value.tagClass)
}
