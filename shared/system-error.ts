/** Errors of system calls that Node itself does not make, in the form that Node gives to its own. */
import { getSystemErrorName } from 'node:util'

export interface SystemErrorDetails {
  /** Where a connection was to go, or a server to listen. */
  readonly address?: string
  /** For people: what the error most likely means. */
  readonly hint?: string | undefined
}

/** `errno` is negative. Message: `connect ECONNRESET vsock:3:8000 (hint)`. */
export const systemError = (
  errno: number,
  syscall: string,
  { address, hint }: SystemErrorDetails = {},
): NodeJS.ErrnoException & { readonly code: string; readonly address?: string } => {
  const code = getSystemErrorName(errno)
  const words = [syscall, code, ...(address === undefined ? [] : [address]), ...(hint ? [`(${hint})`] : [])]
  return Object.assign(new Error(words.join(' ')), {
    errno,
    code,
    syscall,
    ...(address !== undefined && { address }),
  })
}
