/** Distinguished names (X.501) for people; comparison is by DER bytes, never by this text. */
import { type BerValue, is, objectIdentifier, TAG } from './ber.js'
import { FormatError } from './errors.js'

/** Attribute types by RFC 4514, section 3. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
}

/** `CN=aws.nitro-enclaves, C=US, …`, in the certificate's own order. Control characters are escaped. */
export function distinguishedName(name: BerValue): string {
  return name.children.map((rdn) => rdn.children.map(attribute).join('+')).join(', ')
}

function attribute(value: BerValue): string {
  const [type, text] = value.children
  if (!is(value, TAG.SEQUENCE) || text === undefined || value.children.length !== 2) {
    throw new FormatError('ERR_BER', 'not an attribute of a distinguished name')
  }
  const oid = objectIdentifier(type)
  return `${SHORT_NAMES[oid] ?? oid}=${escaped(Buffer.from(text.content).toString('utf8'))}`
}

/** RFC 4514, section 2.4; a name from a hostile certificate must not drive a terminal either. */
function escaped(text: string): string {
  return text
    .replace(/[\\",+<>;=]/g, (character) => `\\${character}`)
    .replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
