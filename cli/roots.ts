/** Trust anchors from a file: PEM, one or several, or DER. */
import { UsageError } from '../shared/errors.js'
import { certificateBlocks } from '../shared/pem.js'
import { readInput } from './input.js'

/** The first byte of DER: a SEQUENCE. */
const SEQUENCE = 0x30

export async function readRoots(file: string): Promise<readonly (string | Uint8Array)[]> {
  const bytes = await readInput(file)
  if (bytes[0] === SEQUENCE) return [bytes]
  const roots = certificateBlocks(Buffer.from(bytes).toString('latin1'))
  if (roots.length === 0) throw new UsageError('ERR_USAGE', `${file} holds no certificate in PEM or DER`)
  return roots
}
