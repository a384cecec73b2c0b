/** A file that may have no end: a device, a pipe, one that grows. */
import { open } from 'node:fs/promises'

/** Up to one byte more than `maxSize`, which tells that there is more. Rejects with the system's error. */
export const readBounded = async (file: string, maxSize: number): Promise<Buffer> => {
  const handle = await open(file)
  try {
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
