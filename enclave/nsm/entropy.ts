/** Feeds the kernel's random pool from the module's generator, as AWS's SDK for C does (random(4)). */
import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import type { Native } from '../../native/index.js'
import { OperationError } from '../../shared/errors.js'
import { systemError } from '../../shared/system-error.js'
import { randomBlock } from './random-block.js'
import type { Nsm } from './requests.js'

export interface EntropyOptions {
  readonly native: Pick<Native, 'addEntropy'>
  /** /dev/random. */
  readonly path: string
}

/**
 * Mixes 256 bytes into the pool and credits 2,048 bits; where crediting is not permitted (it takes CAP_SYS_ADMIN),
 * none. Takes effect when the kernel's generator reseeds, within a minute. Node has seeded its own before any of
 * this runs, by getrandom(2), which waits until the kernel's is ready.
 *
 * Throws NsmError, ERR_NSM_INVALID_RESPONSE among them, and OperationError ERR_ENTROPY with its `cause`.
 */
export async function feedEntropy(nsm: Nsm, { native, path }: EntropyOptions): Promise<void> {
  const random = await randomBlock(nsm)
  try {
    feed(random, path, native)
  } finally {
    random.fill(0)
  }
}

function feed(random: Uint8Array, path: string, native: EntropyOptions['native']): void {
  let fd: number | undefined
  try {
    // Never made when it is missing: the bytes would lie there as a file.
    fd = openSync(path, constants.O_WRONLY)
    const result = native.addEntropy(fd, random)
    if (result === -os.constants.errno.EPERM) writeFileSync(fd, random)
    else if (result < 0) throw systemError(result, 'ioctl')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const words = `the kernel's random pool, ${path}, could not be fed: ${code ?? message}`
    throw new OperationError('ERR_ENTROPY', words, { cause: error })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
