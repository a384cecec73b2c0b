/** Errors of the file system, told to whoever named the file. */
import { UsageError } from '../shared/errors.js'

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
}

/** `cannot read image.eif: there is no such file`. */
export function fileError(action: 'read' | 'write', path: string, error: unknown): UsageError {
  const { code } = error as NodeJS.ErrnoException
  // What is written need not be there, but its folder must.
  const missing = action === 'write' && code === 'ENOENT' ? WORDS.ENOTDIR : undefined
  const reason = missing ?? WORDS[code ?? ''] ?? code ?? 'unknown error'
  return new UsageError('ERR_USAGE', `cannot ${action} ${path}: ${reason}`, { cause: error })
}
