/** Certificates from a file: PEM, perhaps with text around them, or one in DER. */
import { readDer } from '../shared/der.js'
import { FormatError, UsageError } from '../shared/errors.js'
import { certificateBlocks } from '../shared/pem.js'
import { readInput } from './input.js'

/** At least one; whether they are certificates is not examined. Throws UsageError ERR_USAGE. */
export async function readCertificates(file: string): Promise<readonly (string | Uint8Array)[]> {
  const bytes = await readInput(file)
  if (isDer(bytes)) return [bytes]
  const blocks = certificateBlocks(Buffer.from(bytes).toString('latin1'))
  if (blocks.length === 0) throw new UsageError('ERR_USAGE', `${file} holds no certificate in PEM or DER`)
  return blocks
}

/** Its first byte does not tell: text may begin with a 0, which is that of a SEQUENCE. */
function isDer(bytes: Uint8Array): boolean {
  try {
    readDer(bytes)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}
