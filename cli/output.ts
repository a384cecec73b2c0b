/** Bytes as the result of a command: as they are to a pipe or a file, as text where that is asked for. */
import type { Command } from 'commander'
import { existingOutput, writeWhole } from '../image/output-file.js'
import { UsageError } from '../shared/errors.js'
import { write } from './write.js'

export interface Encoding {
  readonly hex?: boolean
  readonly base64?: boolean
  /** A file instead of standard output. */
  readonly output?: string
}

/** Adds --hex and --base64, and --output where it is wanted. */
export function encodingOptions(command: Command, { output = false } = {}): Command {
  command.option('--hex', 'as hex digits').option('--base64', 'as base64')
  return output
    ? command.option('--output <file>', 'write the bytes to this file (default: standard output)')
    : command
}

/** Throws UsageError ERR_USAGE for two encodings at once, raw bytes to a terminal, a file that cannot be written. */
export async function writeBytes(bytes: Uint8Array, { hex, base64, output }: Encoding): Promise<void> {
  if (hex && base64) throw new UsageError('ERR_USAGE', '--hex or --base64, not both')
  const text = hex || base64 ? Buffer.from(bytes).toString(hex ? 'hex' : 'base64') : undefined
  if (output !== undefined) {
    await existingOutput(output)
    const content = text === undefined ? bytes : Buffer.from(`${text}\n`)
    await writeWhole(output, (file) => file.write(content, 0))
  } else if (text !== undefined) write(text)
  else if (process.stdout.isTTY)
    throw new UsageError('ERR_USAGE', 'the bytes are not for a terminal: --hex or --base64, or into a pipe')
  else process.stdout.write(bytes)
}
