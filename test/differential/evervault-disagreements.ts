/**
 * Where ours and the Evervault packages (attestation-bindings 1.0.0, wasm-attestation-bindings 0.3.1: serde_cbor,
 * aws-nitro-enclaves-cose, webpki) say different things of a document that AWS signed.
 */
import type { Explanation } from './disagreements.js'

export const EXPLANATIONS: readonly Explanation[] = [
  {
    stricter: 'ours',
    refusal: /^ERR_CBOR_TAG$/,
    of: /^before: /,
    why:
      'They skip every tag, however many and in any length; ours knows one tag, 18, once and in one byte, as RFC 9052 ' +
      'has it. A COSE_Mac0 or a CWT is no COSE_Sign1, whatever its bytes.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_COSE_HEADER$/,
    of: /^unprotected: /,
    why:
      'They ignore the unprotected header. Nobody signed it and hardware leaves it empty, so that ours refuses anything ' +
      'in it: two documents with one signature, and an algorithm or a key that contradicts the signed header.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CBOR_(FLOAT|SIMPLE_VALUE|TAG)$/,
    of: /^unprotected: /,
    why: 'The same, where what stands there is CBOR that no part of a document is made of, and that ours does not read.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CBOR_NON_MINIMAL$/,
    why:
      'They read heads that are longer than needed; no encoder that makes documents writes them (RFC 8949, section ' +
      '4.2.1), and they give one document many forms.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_CBOR_INDEFINITE_STRING$/,
    why: 'They join the chunks of strings of indefinite length; hardware writes indefinite maps, but no such string.',
  },
  {
    stricter: 'ours',
    refusal: /^ERR_(COSE_STRUCTURE|CBOR_TOO_LARGE)$/,
    of: /: an array of its bytes$/,
    why: 'serde reads an array of numbers where a byte string is due; RFC 9052, section 4.2, knows byte strings only.',
  },
  {
    stricter: 'theirs',
    refusal: /^The (nonce|user data) length in the attestation doc was invalid$/,
    why:
      "AWS's text allows 512 bytes of user_data and nonce, and theirs keeps to it; its hardware signs 1,024, in documents " +
      'that are in use, and so ours takes 1,024.',
  },
]
