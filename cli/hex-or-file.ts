/** A value that is written out in hex, or stands in a file. */
import { readInput } from './input.js'

/** What is made of pairs of hex digits is hex, even if there is a file of that name. */
export function isHex(value: string): boolean {
  return /^(?:[0-9a-f]{2})*$/i.test(value)
}

/** Throws UsageError ERR_USAGE. */
export async function hexOrFile(value: string): Promise<Uint8Array> {
  return isHex(value) ? Buffer.from(value, 'hex') : readInput(value)
}
