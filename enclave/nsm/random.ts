/** Random bytes from the Nitro Secure Module, in any number. */
import { checkInteger, checkNsm } from './arguments.js'
import { BLOCK_LENGTH, randomBlock } from './random-block.js'
import type { Nsm } from './requests.js'

/** Bytes of a call at most: 256 requests, which the module answers one by one (as getRandomValues, Web Crypto 10.1). */
const MAX_LENGTH = 65_536

/**
 * `length` random bytes, 0 to 65,536, straight from the module's generator, which gives 256 at a time. They mix with
 * nothing: where a broken module must do no harm, combine them with the kernel's (`crypto.randomBytes`).
 *
 * Throws UsageError ERR_USAGE for another length; NsmError: what the module refuses with, and
 * ERR_NSM_INVALID_RESPONSE for answers that cannot be random. Nothing is given then.
 */
export async function getRandom(nsm: Nsm, length: number): Promise<Uint8Array> {
  checkNsm(nsm)
  checkInteger('length', length, MAX_LENGTH)
  const bytes = new Uint8Array(length)
  try {
    for (let done = 0; done < length; done += BLOCK_LENGTH) {
      const block = await randomBlock(nsm)
      bytes.set(block.subarray(0, length - done), done)
      block.fill(0)
    }
    return bytes
  } catch (error) {
    bytes.fill(0)
    throw error
  }
}
