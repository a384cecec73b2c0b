/** Distinguished names (X.501) for people; comparison is by DER bytes, never by this text. */
import { type BerValue, is, objectIdentifier, TAG } from './ber.js'
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

/**
 * `CN=aws.nitro-enclaves, C=US, …`, in the certificate's own order. Control characters are escaped.
 * Throws FormatError ERR_BER.
 */
export function distinguishedName(name: BerValue | undefined): string {
  if (!is(name, TAG.SEQUENCE)) throw new FormatError('ERR_BER', 'not a distinguished name')
  return name.children.map(relativeName).join(', ')
}

function relativeName(rdn: BerValue): string {
  if (!is(rdn, TAG.SET) || rdn.children.length === 0) {
    throw new FormatError('ERR_BER', 'not a set of attributes of a distinguished name')
  }
  return rdn.children.map(attribute).join('+')
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
  return withoutControls(text.replace(/[\\",+<>;=]/g, (character) => `\\${character}`))
}
