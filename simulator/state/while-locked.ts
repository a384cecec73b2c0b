/** Work on a state file that one process at a time may do, each of them soon over: who comes second waits. */
import { UsageError } from '../../shared/errors.js'
import { type Lock, lockFile } from './lock.js'

/** Times that a lock is asked for. Each asks for a quarter of a second while somebody holds it. */
const PATIENCE = 40

/** Throws what `body` throws, and UsageError ERR_USAGE where somebody holds the lock for long, or there can be none. */
export async function whileLocked<T>(path: string, body: () => Promise<T>): Promise<T> {
  const lock = await patiently(path)
  try {
    return await body()
  } finally {
    await lock.release()
  }
}

async function patiently(path: string): Promise<Lock> {
  for (let left = PATIENCE; ; left--) {
    try {
      return await lockFile(path)
    } catch (error) {
      if (!(error instanceof UsageError) || left <= 1) throw error
    }
  }
}
