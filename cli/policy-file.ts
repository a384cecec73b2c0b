/** A policy document in a file, for `--policy`. */
import { stat } from 'node:fs/promises'
import { UsageError } from '../shared/errors.js'
import { readInput } from './input.js'

/** The text, not yet JSON: members that stand twice are seen in the text only. Throws UsageError ERR_USAGE. */
export async function readPolicyFile(file: string): Promise<string> {
  await refuseFifo(file)
  return Buffer.from(await readInput(file))
    .toString('utf8')
    .replace(/^\ufeff/, '')
}

/** A FIFO may wait for ever for whoever writes to it. A shell's `<(…)` has its writer, and a name below /dev/fd. */
async function refuseFifo(file: string): Promise<void> {
  if (file === '-' || /^\/(?:dev|proc)\//.test(file)) return
  const found = await stat(file).catch(() => undefined)
  if (found?.isFIFO()) throw new UsageError('ERR_USAGE', `cannot read ${file}: it is not a regular file`)
}
