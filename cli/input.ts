/** Reading what a person hands over: a file or standard input, binary, base64 or hex. */
import { createReadStream } from 'node:fs'
import { UsageError } from '../shared/errors.js'

/** Bytes: a document in hex, with line breaks, has a third of it. */
const MAX_LENGTH = 128 * 1024

/** The file's bytes; `-` is standard input. Throws UsageError ERR_USAGE when it cannot be read or is too large. */
export async function readInput(file: string, maxLength = MAX_LENGTH): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      length += chunk.length
      if (length > maxLength) break
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    throw new UsageError('ERR_USAGE', `cannot read ${name(file)}: ${reason(error)}`)
  }
  if (length > maxLength) throw new UsageError('ERR_USAGE', `${name(file)} has more than ${maxLength} bytes`)
  return Buffer.concat(chunks)
}

/** Text is taken for hex or base64; anything else for the bytes themselves. */
export function decodeText(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8').replace(/\s+/g, '')
  if (text !== '' && text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return Buffer.from(text, 'base64')
  if (/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return Buffer.from(text, 'base64url')
  return bytes
}

function name(file: string): string {
  return file === '-' ? 'standard input' : file
}

/** An error of the file system in words. */
export function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  const known: Record<string, string> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
  }
  return known[code ?? ''] ?? code ?? 'unknown error'
}
