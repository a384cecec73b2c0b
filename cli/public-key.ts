/** A public key from a file: PEM or DER. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { UsageError } from '../shared/errors.js'
import { readInput } from './input.js'

/** DER SubjectPublicKeyInfo. Of a private key the public half. Throws UsageError ERR_USAGE for a file without one. */
export async function readPublicKey(file: string): Promise<Uint8Array> {
  const bytes = Buffer.from(await readInput(file))
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
