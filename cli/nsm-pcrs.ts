/** `nitro-enclave nsm pcrs`: DescribePCR, for each register. */
import { Command } from 'commander'
import { describePcrs } from '../enclave/nsm/registers.js'
import { onModule } from './nsm-module.js'
import { registerJson, registerRow } from './nsm-register.js'
import { table } from './table.js'
import { write, writeJson } from './write.js'

export function nsmPcrsCommand(): Command {
  return new Command('pcrs')
    .description('Show all registers, in order, and which are locked: those are in attestation documents.')
    .option('--json', 'print one JSON array')
    .action(({ json }: { json?: boolean }, command: Command) =>
      onModule(command, async (nsm) => {
        const registers = await describePcrs(nsm)
        if (json) writeJson(registers.map(registerJson))
        else write(table(registers.map(registerRow)))
      }),
    )
}
