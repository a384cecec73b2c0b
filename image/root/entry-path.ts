/** Paths in a root file system, as bytes: what may be one, and how one is shown. */
import { FormatError } from '../../shared/errors.js'
import { withoutControls } from '../../shared/printable.js'

/** Linux: NAME_MAX; and PATH_MAX without the NUL that ends it. The kernel skips longer ones in a ramdisk, silently. */
export const MAX_NAME = 255
export const MAX_PATH = 4095

/** A message shows so many characters of a path. */
const MAX_SHOWN = 200

/**
 * The path's bytes, when every component of it is a name.
 * Throws FormatError ERR_ROOT_FILE_SYSTEM, which shows the path.
 */
export function entryPath(path: Uint8Array | string): Buffer {
  const bytes = Buffer.from(path)
  if (bytes.length === 0) throw refused(bytes, 'it is empty')
  if (bytes.length > MAX_PATH)
    throw refused(bytes, `it has ${bytes.length} bytes, at most ${MAX_PATH} are read`)
  if (bytes.includes(0)) throw refused(bytes, 'it has a NUL')
  // Latin-1 keeps each byte as one character.
  for (const name of bytes.toString('latin1').split('/')) {
    if (name === '') throw refused(bytes, 'it has an empty name')
    if (name === '.' || name === '..') throw refused(bytes, `it has a component ${name}`)
    if (name.length > MAX_NAME)
      throw refused(bytes, `a name of ${name.length} bytes, at most ${MAX_NAME} are read`)
  }
  return bytes
}

/** For messages: in quotes, cut short, nothing in it that could drive a terminal. */
export function shownPath(path: Uint8Array | string): string {
  const text = typeof path === 'string' ? path : Buffer.from(path).toString('utf8')
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return `"${withoutControls(cut)}"`
}

function refused(path: Uint8Array, why: string): FormatError {
  return new FormatError('ERR_ROOT_FILE_SYSTEM', `${shownPath(path)} cannot be a path here: ${why}`)
}
