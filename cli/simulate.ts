/** `nitro-enclave simulate`: one attested GenerateRandom by an enclave, a parent proxy and a KMS, three processes. */
import { Command, InvalidArgumentError } from 'commander'
import type { KeyStoreState } from '../simulator/index.js'
import { TRACE_FORMAT } from '../simulator/trace.js'
import { integer, register } from './options.js'
import { failureJson, reporting } from './reporting.js'
import type { SimulateFlags } from './run-simulation.js'

export function simulateCommand(): Command {
  return (
    new Command('simulate')
      .description(
        'Run one attested GenerateRandom on this machine: enclave, parent proxy and KMS as three processes.',
      )
      .option('--bytes <n>', 'NumberOfBytes, 1 to 1024', integer, 32)
      .option('--custom-key-store-id <id>', 'CustomKeyStoreId of the call')
      .option(
        '--custom-key-store <ID=STATE>',
        'a key store of the account: connected, disconnected or external',
        keyStore,
      )
      .option(
        '--pcr <I=HEX>',
        'a register of the enclave, once for each (PCR0 to PCR2 are not zero unless given so)',
        register,
      )
      .option('--policy <file>', 'IAM policy document of the caller (default: one that pins PCR0)')
      .option('--json', 'print one JSON object')
      .option('--trace <file>', 'keep the bytes that the parent forwarded')
      .addHelpText('after', `\nThe trace: ${TRACE_FORMAT}`)
      // Loaded when it is asked for: it brings the AWS SDK and the certificate builder, which other commands do without.
      .action((flags: SimulateFlags) =>
        reporting(
          'simulate',
          async () => (await import('./run-simulation.js')).runSimulation(flags),
          flags.json ? failureJson : undefined,
        ),
      )
  )
}

function keyStore(value: string, previous: Readonly<Record<string, KeyStoreState>> = {}) {
  const match = /^([^=]{1,64})=(connected|disconnected|external)$/.exec(value)
  if (!match?.[1]) throw new InvalidArgumentError('Expected ID=connected, ID=disconnected or ID=external.')
  return { ...previous, [match[1]]: match[2] as KeyStoreState }
}
