/** A policy document in a file, for `--policy`. */
import { readInput } from './input.js'

/** The text, not yet JSON: members that stand twice are seen in the text only. */
export async function readPolicyFile(file: string): Promise<string> {
  return Buffer.from(await readInput(file))
    .toString('utf8')
    .replace(/^\ufeff/, '')
}
