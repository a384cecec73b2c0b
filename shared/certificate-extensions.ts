/** Certificate extensions (RFC 5280, section 4.2): basicConstraints and keyUsage are read, others only tolerated. */
import { type Asn1Value, CONTEXT, is, objectIdentifier, TAG } from './asn1.js'
import { readDer } from './der.js'
import { FormatError, VerificationError } from './errors.js'

const KEY_USAGE = '2.5.29.15'
const BASIC_CONSTRAINTS = '2.5.29.19'
/** nameConstraints, policyConstraints, inhibitAnyPolicy: RFC 5280 wants them critical (4.2.1.10, 4.2.1.11, 4.2.1.14). */
const PATH_CONSTRAINTS: readonly string[] = ['2.5.29.30', '2.5.29.36', '2.5.29.54']
/** Field [3] of TBSCertificate; [1] and [2], the unique identifiers, are not read. */
const EXTENSIONS = 3

export interface BasicConstraints {
  readonly ca: boolean
  /** How many CA certificates may follow on the way to the leaf. */
  readonly pathLength?: number
}

export interface KeyUsage {
  readonly digitalSignature: boolean
  readonly keyCertSign: boolean
}

export interface Extensions {
  readonly basicConstraints: BasicConstraints | undefined
  readonly keyUsage: KeyUsage | undefined
}

/** Reads what follows the public key in a TBSCertificate. Throws FormatError ERR_BER, VerificationError. */
export function readExtensions(rest: readonly Asn1Value[]): Extensions {
  const [holder] = rest
  if (holder === undefined) return { basicConstraints: undefined, keyUsage: undefined }
  const list = holder.children[0]
  if (
    rest.length !== 1 ||
    !is(holder, EXTENSIONS, CONTEXT) ||
    holder.children.length !== 1 ||
    !is(list, TAG.SEQUENCE) ||
    list.children.length === 0
  ) {
    throw new FormatError('ERR_BER', 'its extensions are not a sequence of at least one')
  }
  const found = new Map<string, { readonly critical: boolean; readonly value: Uint8Array }>()
  for (const extension of list.children) {
    const { id, critical, value } = readExtension(extension)
    if (found.has(id)) throw new FormatError('ERR_BER', `extension ${id} stands twice`)
    if (critical && id !== KEY_USAGE && id !== BASIC_CONSTRAINTS) {
      throw new VerificationError(
        'ERR_CERTIFICATE_CRITICAL_EXTENSION',
        `the critical extension ${id} is not understood`,
      )
    }
    // An authority that forgets to say so still means them.
    if (PATH_CONSTRAINTS.includes(id)) {
      throw new VerificationError(
        'ERR_CERTIFICATE_CRITICAL_EXTENSION',
        `the extension ${id} constrains the path, and is not understood`,
      )
    }
    found.set(id, { critical, value })
  }
  const constraints = found.get(BASIC_CONSTRAINTS)
  const usage = found.get(KEY_USAGE)
  return {
    basicConstraints: constraints && readBasicConstraints(constraints.value, constraints.critical),
    keyUsage: usage && readKeyUsage(usage.value),
  }
}

function readExtension(extension: Asn1Value): { id: string; critical: boolean; value: Uint8Array } {
  const [id, ...rest] = extension.children
  const value = rest.pop()
  const [critical] = rest
  if (!is(extension, TAG.SEQUENCE) || rest.length > 1 || !is(value, TAG.OCTET_STRING) || value.constructed) {
    throw new FormatError('ERR_BER', 'an extension is not a sequence of identifier, critical flag and value')
  }
  return {
    id: objectIdentifier(id),
    critical: critical !== undefined && isTrue(critical),
    value: value.content,
  }
}

/** RFC 5280, section 4.2.1.9. */
function readBasicConstraints(bytes: Uint8Array, critical: boolean): BasicConstraints {
  const value = readDer(bytes)
  const [first, second] = value.children
  const flagged = is(first, TAG.BOOLEAN)
  const ca = flagged && isTrue(first)
  const length = flagged ? second : first
  if (!is(value, TAG.SEQUENCE) || value.children.length > (flagged ? 2 : 1)) {
    throw new FormatError('ERR_BER', 'its basicConstraints are malformed')
  }
  // Section 4.2.1.9: in a certificate authority it is critical.
  if (ca && !critical) throw new FormatError('ERR_BER', 'its basicConstraints are not critical')
  if (length === undefined) return { ca }
  // One byte is plenty for a path length, and negative ones have the high bit set.
  const [pathLength = 0x80] = length.content
  if (!ca || !is(length, TAG.INTEGER) || length.content.length !== 1 || pathLength >= 0x80) {
    throw new FormatError('ERR_BER', 'its path length is malformed, or set on a certificate that is no CA')
  }
  return { ca, pathLength }
}

/** RFC 5280, section 4.2.1.3: bit 0 is digitalSignature, bit 5 keyCertSign. */
function readKeyUsage(bytes: Uint8Array): KeyUsage {
  const value = readDer(bytes)
  const [unused = 8, bits = 0] = value.content
  // A named list of bits ends with its last true one (X.690, section 11.2.2); der.ts has looked at those behind it.
  const last = (value.content.at(-1) ?? 0) & (1 << unused)
  const { length } = value.content
  if (!is(value, TAG.BIT_STRING) || length > 3 || last === 0) {
    throw new FormatError('ERR_BER', 'its keyUsage is malformed')
  }
  return { digitalSignature: (bits & 0x80) !== 0, keyCertSign: (bits & 0x04) !== 0 }
}

/** Both flags are false by default, and DER leaves out a default (X.690, section 11.5). */
function isTrue(value: Asn1Value): true {
  if (!is(value, TAG.BOOLEAN) || value.content[0] !== 0xff) {
    throw new FormatError('ERR_BER', 'a flag is not the DER boolean TRUE')
  }
  return true
}
