/** Trust anchors from a file: PEM, one or several, or DER. */
import { UsageError } from '../shared/errors.js'
import { readInput } from './input.js'

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
/** The first byte of DER: a SEQUENCE. */
const SEQUENCE = 0x30

export async function readRoots(file: string): Promise<readonly (string | Uint8Array)[]> {
  const bytes = await readInput(file)
  if (bytes[0] === SEQUENCE) return [bytes]
  const roots = Buffer.from(bytes).toString('latin1').match(PEM)
  if (roots === null) throw new UsageError('ERR_USAGE', `${file} holds no certificate in PEM or DER`)
  return roots
}
