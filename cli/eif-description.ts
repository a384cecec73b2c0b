/** What is said of an image in JSON: by `eif describe`, `eif pcrs` and `eif build`, and by nitro-cli. */
import { open, stat } from 'node:fs/promises'
import type { Measurements } from '../image/index.js'
import { FormatError, UsageError } from '../shared/errors.js'
import { describeFile } from './eif-output.js'
import { readInput } from './input.js'

/** Bytes at most: an image's metadata has up to a mebibyte, which is more when it is indented. */
const MAX_DESCRIPTION = 4 * 1024 * 1024

export interface Description {
  readonly Measurements: Measurements | Readonly<Record<string, string>>
  readonly CheckCRC?: unknown
  readonly SignatureCheck?: unknown
}

/** Of an image, or of the JSON that was printed of one. `command` is whose warnings they are. */
export async function readDescription(command: string, file: string): Promise<Description> {
  return (await isImage(file))
    ? await describeFile(command, file)
    : parseDescription(await readInput(file, MAX_DESCRIPTION), file)
}

/** Whether a file is an image rather than a description of one. */
async function isImage(file: string): Promise<boolean> {
  // A pipe is read once only: not to look at it.
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) return false
  const handle = await open(file).catch(() => undefined)
  try {
    const start = await handle?.read(Buffer.alloc(4), 0, 4, 0)
    return start?.buffer.toString('latin1') === '.eif'
  } finally {
    await handle?.close()
  }
}

/**
 * An object with Measurements, a list of one (describe-enclaves), or the registers alone (eif_build). `file` names it
 * in messages. Throws UsageError ERR_USAGE.
 */
export function parseDescription(bytes: Uint8Array, file: string): Description {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw new UsageError('ERR_USAGE', `${file} is neither an enclave image nor JSON`)
  }
  const [one, ...more] = Array.isArray(value) ? value : [value]
  if (more.length > 0) {
    throw new UsageError('ERR_USAGE', `${file} describes ${more.length + 1} enclaves; it takes one`)
  }
  const object = (one ?? {}) as Partial<Description>
  const measurements = object.Measurements ?? object
  if (typeof measurements !== 'object' || !('PCR0' in measurements)) {
    throw new UsageError('ERR_USAGE', `${file} has no Measurements with a PCR0`)
  }
  return { ...object, Measurements: measurements }
}

/**
 * Only a sound image is worth pinning. Throws FormatError ERR_EIF_CRC, and ERR_EIF_SIGNATURE when PCR8 is among
 * `registers`.
 */
export function checkSound(file: string, description: Description, registers: readonly number[]): void {
  if (description.CheckCRC === false) {
    throw new FormatError('ERR_EIF_CRC', `${file} is not as it was built: its checksum is wrong`)
  }
  if (description.SignatureCheck === false && registers.includes(8)) {
    throw new FormatError('ERR_EIF_SIGNATURE', `PCR8 of ${file} pins nothing: its signature does not hold`)
  }
}
