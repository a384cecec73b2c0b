/** What an error means to a shell. */
import { FormatError, PolicyError, UsageError, VerificationError } from '../shared/errors.js'

export const EXIT_CODES = `Exit codes:
  0  done
  1  usage: a bad flag, an unreadable file
  2  not genuine: malformed, a wrong signature, an untrusted or expired certificate
  3  genuine, but refused by policy: PCRs, debug mode, nonce, age, user data
  4  the operation failed`

export function exitCode(error: unknown): number {
  if (error instanceof UsageError) return 1
  if (error instanceof FormatError || error instanceof VerificationError) return 2
  if (error instanceof PolicyError) return 3
  return 4
}
