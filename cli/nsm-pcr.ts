/** `nitro-enclave nsm pcr`: DescribePCR. */
import { Command } from 'commander'
import { describePcr } from '../enclave/nsm/registers.js'
import { onModule } from './nsm-module.js'
import { registerJson, registerRow } from './nsm-register.js'
import { integer } from './options.js'
import { write, writeJson } from './write.js'

export function nsmPcrCommand(): Command {
  return new Command('pcr')
    .description('Show one register, and whether it is locked.')
    .argument('<index>', '0 to 31', integer)
    .option('--json', 'print one JSON object')
    .action((index: number, { json }: { json?: boolean }, command: Command) =>
      onModule(command, async (nsm) => {
        const register = await describePcr(nsm, index)
        if (json) writeJson(registerJson(register))
        else write(registerRow(register).join(' '))
      }),
    )
}
