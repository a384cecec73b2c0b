/** Credentials from a file in the shape of the container's answer, which somebody else writes and replaces. */
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { MAX_ANSWER_LENGTH, readCredentials } from '../../shared/credentials/container-shape.js'
import { OperationError } from '../../shared/errors.js'
import type { CredentialsSource } from './source.js'

const refused = (words: string): OperationError => new OperationError('ERR_CREDENTIALS', words)

/** Which file stands there, in which state. */
const fingerprint = async (path: string): Promise<string> => {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? 'none' : [found.dev, found.ino, found.size, found.ctimeNs].join(':')
}

/** As much as there is, and one byte more than may be. */
const readBounded = async (file: FileHandle): Promise<Buffer> => {
  const buffer = Buffer.alloc(MAX_ANSWER_LENGTH + 1)
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

const readText = async (path: string): Promise<string> => {
  let file: FileHandle | undefined
  try {
    // A pipe without a writer would else hold a thread.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) throw refused(`${path} is no regular file`)
    const bytes = await readBounded(file)
    if (bytes.length > MAX_ANSWER_LENGTH) throw refused(`${path} has more than ${MAX_ANSWER_LENGTH} bytes`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof OperationError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw refused(`${path} cannot be read (${code}): it must hold credentials, as JSON`)
  } finally {
    await file?.close()
  }
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
