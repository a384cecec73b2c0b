/** Where ours and `openssl cms -decrypt` say different things of an envelope: ours reads what KMS writes, OpenSSL all of CMS. */
import type { Explanation } from './disagreements.js'

export const EXPLANATIONS: readonly Explanation[] = [
  {
    stricter: 'ours',
    refusal: /^unknown version$/,
    why: 'OpenSSL does not look at versions; ours knows 2, as KMS writes it, and 0 (RFC 5652, sections 6.1 and 6.2.1).',
  },
  {
    stricter: 'ours',
    refusal: /^(more than one recipient|unexpected fields in EnvelopedData)$/,
    why: 'KMS seals for one recipient and adds no attributes; OpenSSL tries every recipient with the key that it has.',
  },
  {
    stricter: 'ours',
    refusal: /^(not encrypted data|cipher is not AES-256-CBC)$/,
    why: 'OpenSSL decrypts whatever type of content the envelope says, by whatever cipher; KMS knows data and AES-256-CBC.',
  },
  {
    stricter: 'ours',
    refusal: /^not one well-formed BER value$/,
    why: 'OpenSSL leaves bytes unread that follow the envelope.',
  },
]

/** What damage shows besides. */
export const OF_DAMAGE: readonly Explanation[] = [
  ...EXPLANATIONS,
  {
    stricter: 'ours',
    refusal:
      /^(not the structure expected|not an OCTET STRING|hash parameters are not NULL|not EnvelopedData)$/,
    why:
      'OpenSSL reads a recipient named in ways that ours does not know, parameters that it does not need, and strings ' +
      'made of strings.',
  },
  {
    stricter: 'theirs',
    refusal: /Type=CMS_IssuerAndSerialNumber\b/,
    why:
      'OpenSSL wants the name and the number of a recipient well formed. Ours does not read who the envelope is for: the ' +
      'private key shows it.',
  },
]
