/** `nitro-enclave nsm lock`: LockPCR. */
import { Command } from 'commander'
import { lockPcr } from '../enclave/nsm/registers.js'
import { onModule } from './nsm-module.js'
import { integer } from './options.js'

export function nsmLockCommand(): Command {
  return new Command('lock')
    .description(
      'Lock one register: it keeps its value, and attestation documents bear it. This cannot be undone.',
    )
    .argument('<index>', '0 to 31; 0 to 15 are locked from the start', integer)
    .action((index: number, _: unknown, command: Command) => onModule(command, (nsm) => lockPcr(nsm, index)))
}
