/** A file that may be none, or have no end: a pipe, a device, one that grows. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** What stands there is a pipe, a socket or a device. */
export class NotRegularFile extends Error {
  override readonly name = 'NotRegularFile'

  constructor() {
    super('not a regular file')
  }
}

/**
 * Up to one byte more than `maxSize`, which tells that there is more. Rejects with NotRegularFile, and with the system's
 * error, such as EISDIR.
 */
export const readBounded = async (file: string, maxSize: number): Promise<Buffer> => {
  // A pipe without a writer would else hold a thread.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const found = await handle.stat()
    // A directory has an error of its own, from reading.
    if (!found.isFile() && !found.isDirectory()) throw new NotRegularFile()
    const bytes = Buffer.alloc(maxSize + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length)
    }
  } finally {
    await handle.close()
  }
}
