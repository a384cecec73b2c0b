/** The kernel's command line. */
import { UsageError } from '../shared/errors.js'

/** Bytes without the NUL that ends it: COMMAND_LINE_SIZE is 2,048 in Linux, on x86-64 as on arm64. */
const MAX_LENGTH = 2047

/** Its bytes, as they are measured: no NUL at the end. Throws UsageError ERR_USAGE. */
export function commandLineBytes(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length > MAX_LENGTH) {
    throw new UsageError(
      'ERR_USAGE',
      `a command line of ${bytes.length} bytes; the kernel takes ${MAX_LENGTH}, and cuts off the rest`,
    )
  }
  const control = /\p{Cc}/u.exec(text)
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, '0')
    throw new UsageError('ERR_USAGE', `the command line has a control character, 0x${code}`)
  }
  return bytes
}
