/** Random bytes that two sources made together, so that neither alone decides them. */
import { hkdfSync } from 'node:crypto'
import { NsmError } from '../../shared/errors.js'

/** Bytes of the Nitro Secure Module that go into one mix. */
export const SALT_LENGTH = 64

const LABEL = 'nitro-enclave-sdk GenerateRandom with NSM GetRandom'

/**
 * HKDF (RFC 5869) with SHA-384 over `fromKms`, the salt being `fromNsm`, as long as `fromKms`; then zeroes both. The
 * info is the label and the length, two bytes big-endian. As long as one of the two is unknown to an attacker, the
 * result is: up to its own length, and to 384 bits, since HKDF's inner key has 48 bytes. What is longer than
 * 48 bytes is a pseudorandom stream of that strength. Throws NsmError ERR_NSM_INVALID_RESPONSE unless `fromNsm` has
 * 64 bytes.
 */
export function mix(fromKms: Uint8Array, fromNsm: Uint8Array): Uint8Array {
  const info = Buffer.alloc(LABEL.length + 2)
  info.write(LABEL, 'latin1')
  info.writeUInt16BE(fromKms.length, LABEL.length)
  try {
    if (fromNsm.length !== SALT_LENGTH) {
      throw new NsmError(
        'ERR_NSM_INVALID_RESPONSE',
        `${fromNsm.length} random bytes instead of ${SALT_LENGTH}`,
      )
    }
    return new Uint8Array(hkdfSync('sha384', fromKms, fromNsm, info, fromKms.length))
  } finally {
    fromKms.fill(0)
    fromNsm.fill(0)
  }
}
