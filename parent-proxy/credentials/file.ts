/** Credentials from a file in the shape of the container's answer, which somebody else writes and replaces. */
import { stat } from 'node:fs/promises'
import { MAX_ANSWER_LENGTH, readCredentials } from '../../shared/credentials/container-shape.js'
import { OperationError } from '../../shared/errors.js'
import { NotRegularFile, readBounded } from '../config/bounded-file.js'
import type { CredentialsSource } from './source.js'

const refused = (words: string): OperationError => new OperationError('ERR_CREDENTIALS', words)

/** Which file stands there, in which state. */
const fingerprint = async (path: string): Promise<string> => {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? 'none' : [found.dev, found.ino, found.size, found.ctimeNs].join(':')
}

const readText = async (path: string): Promise<string> => {
  const bytes = await readBounded(path, MAX_ANSWER_LENGTH).catch((error: NodeJS.ErrnoException) => {
    const { code } = error
    if (error instanceof NotRegularFile || code === 'EISDIR') throw refused(`${path} is no regular file`)
    throw refused(`${path} cannot be read (${code}): it must hold credentials, as JSON`)
  })
  if (bytes.length > MAX_ANSWER_LENGTH) throw refused(`${path} has more than ${MAX_ANSWER_LENGTH} bytes`)
  return bytes.toString('utf8')
}

/** Read anew whenever the file is another, and before what it holds expires. At most 64 KiB. */
export const fileSource = (path: string): CredentialsSource => {
  let last: string | undefined
  return {
    giver: path,
    fetch: async () => {
      // Before it is read: what is written meanwhile is a change.
      last = await fingerprint(path)
      const text = await readText(path)
      const credentials = readCredentials(text, path)
      if (credentials.sessionToken === undefined && text.includes('"SessionToken"')) {
        throw refused(`${path} gave no credentials: its SessionToken must be named Token`)
      }
      return credentials
    },
    changed: async () => last !== undefined && last !== (await fingerprint(path)),
  }
}
