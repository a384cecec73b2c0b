/** A value that is written out in hex, or stands in a file. */
import { UsageError } from '../shared/errors.js'
import { readInput } from './input.js'

/** What is made of pairs of hex digits is hex, even if there is a file of that name. */
export function isHex(value: string): boolean {
  return /^(?:[0-9a-f]{2})*$/i.test(value)
}

/** Hex with a digit too many, or as another program prints it: more likely than a file's name, and not to be shown. */
const MEANT_AS_HEX = /^(?:0x)?[0-9a-f\s:]+$/i

/** `what`: the value's name in a message. Throws UsageError ERR_USAGE. */
export async function hexOrFile(
  value: string,
  what: string,
  pathOf: (path: string) => string = (path) => path,
): Promise<Uint8Array> {
  if (isHex(value)) return Buffer.from(value, 'hex')
  try {
    return await readInput(pathOf(value))
  } catch (error) {
    if (!MEANT_AS_HEX.test(value)) throw error
    throw new UsageError(
      'ERR_USAGE',
      `the ${what} is neither hex digits, two a byte, nor a file that can be read`,
    )
  }
}
