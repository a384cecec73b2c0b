/** Distinguished names (X.501) for people; comparison is by DER bytes, never by this text. */
import { type Asn1Value, is, objectIdentifier, TAG, UNIVERSAL } from './asn1.js'
import { toText } from './bytes.js'
import { FormatError } from './errors.js'
import { withoutControls } from './printable.js'

/** Attribute types by RFC 4514, section 3. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
}

/** UTF8String, PrintableString, IA5String: what authorities may write in names (RFC 5280, section 4.1.2.4, appendix A). */
const TEXT_TAGS: readonly number[] = [12, 19, 22]

const PLAIN = /^[A-Za-z0-9 .:_-]*$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * `CN=aws.nitro-enclaves, C=US, …`, in the certificate's own order. Control characters are escaped.
 * Throws FormatError ERR_BER.
 */
export function distinguishedName(name: Asn1Value | undefined): string {
  if (!is(name, TAG.SEQUENCE)) throw new FormatError('ERR_BER', 'not a distinguished name')
  return name.children.map(relativeName).join(', ')
}

function relativeName(rdn: Asn1Value): string {
  if (!is(rdn, TAG.SET) || rdn.children.length === 0) {
    throw new FormatError('ERR_BER', 'not a set of attributes of a distinguished name')
  }
  return rdn.children.map(attribute).join('+')
}

function attribute(value: Asn1Value): string {
  const [type, text] = value.children
  if (!is(value, TAG.SEQUENCE) || text === undefined || value.children.length !== 2) {
    throw new FormatError('ERR_BER', 'not an attribute of a distinguished name')
  }
  if (text.tagClass !== UNIVERSAL || !TEXT_TAGS.includes(text.tag)) {
    throw new FormatError('ERR_BER', 'an attribute of a distinguished name is no text')
  }
  const oid = objectIdentifier(type)
  return `${SHORT_NAMES[oid] ?? oid}=${textOf(text.content)}`
}

/** Most are of plain letters, where nothing is to be decoded or escaped. */
function textOf(content: Uint8Array): string {
  const letters = toText(content)
  if (PLAIN.test(letters)) return letters
  try {
    return escaped(utf8.decode(content))
  } catch {
    throw new FormatError('ERR_BER', 'an attribute of a distinguished name is not UTF-8')
  }
}

/** RFC 4514, section 2.4; a name from a hostile certificate must not drive a terminal either. */
function escaped(text: string): string {
  return withoutControls(text.replace(/[\\",+<>;=]/g, (character) => `\\${character}`))
}
