/** `nitro-enclave nsm extend`: ExtendPCR. */
import { Command } from 'commander'
import { extendPcr } from '../enclave/nsm/registers.js'
import { UsageError } from '../shared/errors.js'
import { readInput } from './input.js'
import { onModule } from './nsm-module.js'
import { registerJson, registerRow } from './nsm-register.js'
import { hex, integer, unshown } from './options.js'
import { write, writeJson } from './write.js'

interface Flags {
  readonly dataHex?: Uint8Array
  readonly json?: boolean
}

const NOTES = `
The new value is SHA-384(old value || data): the bytes as they are in the file, not a digest
of them. For more than 4,068 bytes make a digest of your own:
  openssl dgst -sha384 -binary config.json | nitro-enclave nsm extend 16 -`

const DATA = '--data-hex <hex>'

export function nsmExtendCommand(): Command {
  const command = new Command('extend')
  return command
    .description('Extend an open register by data, and show its new value. This cannot be undone.')
    .argument('<index>', '0 to 31; those that an application may use are 16 to 31', integer)
    .argument('[file]', 'the data, taken as it is; - for standard input')
    .option(DATA, 'the data, instead of a file', unshown(command, DATA, hex))
    .option('--json', 'print one JSON object')
    .addHelpText('after', NOTES)
    .action((index: number, file: string | undefined, flags: Flags, invoked: Command) =>
      onModule(invoked, async (nsm) => {
        const value = await extendPcr(nsm, index, await dataOf(file, flags.dataHex))
        const register = { index, value, locked: false }
        if (flags.json) writeJson(registerJson(register))
        else write(registerRow(register).join(' '))
      }),
    )
}

/**
 * One of the two, said outright: an extension by nothing, from an input that was forgotten, could not be undone. Nor
 * could one from a command in a pipe that failed, or a variable that is not set; an empty file is taken at its word.
 */
async function dataOf(file: string | undefined, dataHex: Uint8Array | undefined): Promise<Uint8Array> {
  if ((file === undefined) === (dataHex === undefined))
    throw new UsageError('ERR_USAGE', 'the data is a file (- for standard input) or --data-hex, one of them')
  const data = dataHex ?? (await readInput(file ?? '-'))
  if (data.length > 0 || (file !== undefined && file !== '-')) return data
  throw new UsageError(
    'ERR_USAGE',
    'the data is empty: the register stays as it is (an empty file can be named)',
  )
}
