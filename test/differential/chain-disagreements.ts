/**
 * Where ours and `openssl verify` (without -x509_strict, which asks for the key identifiers that hardware leaves out)
 * say different things of a chain: ours follows the one path that a document states, OpenSSL looks for any.
 */
import type { Explanation } from './disagreements.js'

/** Of these the cases have at least one each. */
export const EXPLANATIONS: readonly Explanation[] = [
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_(UNTRUSTED_ROOT|REPEATED)$/,
    of: /^bundle: /,
    why:
      'OpenSSL takes the bundle for a heap of candidates, in any order, with or without the root. A document states its ' +
      'path, root first, and hardware has always done so; another order means that somebody else put it together.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_ISSUER$/,
    why:
      'The same where the order is wrong further down or a stranger stands in the path; and OpenSSL compares names ' +
      'without regard to capitals and spaces (RFC 5280, section 7.1), ours byte for byte, as an issuer copies its own.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_ALGORITHM$/,
    why: "OpenSSL takes any key and any hash that it has; AWS's hierarchy is P-384 with SHA-384 throughout.",
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_KEY_USAGE$/,
    why:
      'OpenSSL takes an absent keyUsage for every usage, and asks nothing of a leaf; the validation text wants ' +
      'keyCertSign of authorities and digitalSignature of the leaf.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_NOT_CA$/,
    of: /^root: /,
    why: 'OpenSSL takes a self-signed root with keyCertSign for a CA; ours wants basicConstraints of it, too.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_IS_CA$/,
    of: /^leaf: /,
    why: 'An authority may be the end of a path for OpenSSL; an enclave is none.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_CRITICAL_EXTENSION$/,
    why:
      'OpenSSL understands more extensions. Ours understands what hardware writes, and a critical one that it does not ' +
      'understand is refused (RFC 5280, section 4.2).',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CERTIFICATE_MALFORMED$/,
    why:
      'OpenSSL forgives much of what RFC 5280 and DER forbid: version 1 with extensions, serial numbers that are zero, ' +
      'negative or of 21 bytes, extensions that stand twice, a path length on a leaf, bytes after the certificate, bits ' +
      'that DER has as zero.',
  },
  {
    stricter: 'theirs',
    refusal: /^error 10 at \d depth lookup: certificate has expired$/,
    of: /: (valid to this second|the last second)$/,
    why: 'RFC 5280, section 4.1.2.5: valid through notAfter, inclusive. OpenSSL refuses in its last second.',
  },
  {
    stricter: 'theirs',
    refusal: /^error 2 at 4 depth lookup: unable to get issuer certificate$/,
    of: /^root: an issuer of another's name$/,
    why:
      'A trust anchor is a name and a key, and is not itself verified (RFC 5280, section 6.1.1); ours is pinned by all ' +
      'of its bytes. OpenSSL wants it self-signed, by its names.',
  },
  {
    stricter: 'theirs',
    refusal: /^error 20 at 2 depth lookup: unable to get local issuer certificate$/,
    of: /: a key identifier that is not its issuer's$/,
    why:
      'Key identifiers help to find an issuer (RFC 5280, section 4.2.1.1), which a document states; who it is, its key ' +
      'says, by the signature. Hardware leaves them out of many certificates.',
  },
]
