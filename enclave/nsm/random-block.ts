/** One answer of the module's random number generator, refused when it cannot be random. */
import { createHash } from 'node:crypto'
import { brokenAnswer } from './arguments.js'
import type { Nsm } from './requests.js'

/** Bytes of an answer to GetRandom (aws-nitro-enclaves-nsm-api, docs; linux drivers/misc/nsm.c). */
export const BLOCK_LENGTH = 256

/** SHA-256 of each module's last block: the block itself is the caller's secret. */
const lastBlocks = new WeakMap<Nsm, Buffer>()

/**
 * 256 bytes, which are the caller's to zero. Throws NsmError: what the module refuses with, and
 * ERR_NSM_INVALID_RESPONSE for an answer of another length, of bytes that are all alike, or that is the last one
 * again (the continuous test of FIPS 140-2, section 4.9.2).
 */
export async function randomBlock(nsm: Nsm): Promise<Uint8Array> {
  const { random } = await nsm.request({ type: 'GetRandom' })
  if (!(random instanceof Uint8Array)) throw brokenAnswer('no random bytes')
  try {
    checkBlock(random, nsm)
    return random
  } catch (error) {
    random.fill(0)
    throw error
  }
}

/** Each of these a sound generator does once in 2^2040, or not at all. */
function checkBlock(random: Uint8Array, nsm: Nsm): void {
  if (random.length !== BLOCK_LENGTH) {
    throw brokenAnswer(`${random.length} random bytes instead of ${BLOCK_LENGTH}`)
  }
  if (random.every((byte) => byte === random[0])) throw brokenAnswer('random bytes that are all alike')
  const digest = createHash('sha256').update(random).digest()
  if (lastBlocks.get(nsm)?.equals(digest)) throw brokenAnswer('the same random bytes twice')
  lastBlocks.set(nsm, digest)
}
