/** A folder for one simulation's sockets and traces, readable by its owner only. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../shared/errors.js'

/** A Unix socket's path has 107 bytes at most; the longest name in the folder is `kms.sock`. */
const MAX_LENGTH = 107 - '/kms.sock'.length

/** Throws UsageError ERR_USAGE when TMPDIR cannot hold it. */
export async function temporaryDirectory(prefix: string): Promise<string> {
  const parent = tmpdir()
  if (Buffer.byteLength(join(parent, `${prefix}XXXXXX`)) > MAX_LENGTH) {
    throw new UsageError(
      'ERR_USAGE',
      `${parent} is too long a path for Unix sockets: set TMPDIR to a shorter one`,
    )
  }
  try {
    return await mkdtemp(join(parent, prefix))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(
      'ERR_USAGE',
      `cannot make a folder in ${parent} (${code}): set TMPDIR to one that is writable`,
    )
  }
}
