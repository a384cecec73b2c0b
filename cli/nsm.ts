/** `nitro-enclave nsm`: what this enclave's Nitro Secure Module, or a simulated one, says and does. */
import { Command } from 'commander'
import { nsmAttestCommand } from './nsm-attest.js'
import { nsmDescribeCommand } from './nsm-describe.js'
import { nsmExtendCommand } from './nsm-extend.js'
import { nsmLockCommand } from './nsm-lock.js'
import { nsmLockRangeCommand } from './nsm-lock-range.js'
import { nsmPcrCommand } from './nsm-pcr.js'
import { nsmPcrsCommand } from './nsm-pcrs.js'
import { nsmRandomCommand } from './nsm-random.js'
import { register } from './options.js'

const NOTES = `
Inside an enclave the module is /dev/nsm. On other machines --simulator DIR takes a simulated
one, which is made when the folder has none: its identity and registers stay in DIR, so that
one command goes on where another ended, and \`nitro-enclave kms --state DIR\` takes its
documents. To boot another enclave there, remove DIR/nsm.json.

Examples:
  nitro-enclave nsm pcrs
  nitro-enclave nsm --simulator state --pcr 0=$(nitro-enclave eif pcrs app.eif --json | jq -r .Measurements.PCR0) describe
  nitro-enclave nsm --simulator state extend 16 config.json
  nitro-enclave nsm --simulator state lock 16
  nitro-enclave nsm --simulator state attest --nonce 00ff | nitro-enclave verify --root state/attestation-root.pem -`

export function nsmCommand(): Command {
  const group = new Command('nsm')
    .description('Ask the Nitro Secure Module: description, random bytes, registers, attestation documents.')
    .option('--simulator <dir>', 'a simulated module, kept in this folder, instead of /dev/nsm')
    .option('--pcr <I=HEX>', 'a register with which a new simulated enclave boots; once for each', register)
    .addHelpText('after', NOTES)
  const commands = [
    nsmDescribeCommand(),
    nsmRandomCommand(),
    nsmPcrCommand(),
    nsmPcrsCommand(),
    nsmExtendCommand(),
    nsmLockCommand(),
    nsmLockRangeCommand(),
    nsmAttestCommand(),
  ]
  // They are the group's, before or after a command's name: each command's help shows them, too.
  for (const command of commands) {
    command.configureHelp({ showGlobalOptions: true, visibleGlobalOptions: () => [...group.options] })
    group.addCommand(command)
  }
  return group
}
