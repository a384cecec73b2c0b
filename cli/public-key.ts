/** A public key from a file: PEM or DER. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { UsageError } from '../shared/errors.js'
import { readInput } from './input.js'

/** DER SubjectPublicKeyInfo. Of a private key the public half. Throws UsageError ERR_USAGE for a file without one. */
export async function readPublicKey(file: string): Promise<Uint8Array> {
  return publicKeyOf(await readInput(file), file)
}

/** The same of what was read from `file`: what a pipe holds is read once. */
export function publicKeyOf(content: Uint8Array, file: string): Uint8Array {
  const bytes = Buffer.from(content)
  const key =
    readable(() => createPublicKey(bytes)) ??
    readable(() => createPublicKey({ key: bytes, format: 'der', type: 'spki' }))
  if (key === undefined) throw new UsageError('ERR_USAGE', `${file} holds no public key in PEM or DER`)
  return key.export({ format: 'der', type: 'spki' })
}

function readable(read: () => KeyObject): KeyObject | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
