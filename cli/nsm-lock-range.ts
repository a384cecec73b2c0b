/** `nitro-enclave nsm lock-range`: LockPCRs. */
import { Command } from 'commander'
import { lockPcrs } from '../enclave/nsm/registers.js'
import { onModule } from './nsm-module.js'
import { integer } from './options.js'

export function nsmLockRangeCommand(): Command {
  return new Command('lock-range')
    .description(
      'Lock the registers 0 to n - 1, whether they are locked already or not. This cannot be undone.',
    )
    .argument('<n>', 'how many, 0 to 32', integer)
    .action((range: number, _: unknown, command: Command) => onModule(command, (nsm) => lockPcrs(nsm, range)))
}
