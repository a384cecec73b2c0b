/** `nitro-enclave eif`: enclave image files. */
import { Command } from 'commander'
import { eifBuildCommand } from './eif-build.js'
import { eifDescribeCommand } from './eif-describe.js'
import { eifDiffCommand } from './eif-diff.js'
import { eifPcrsCommand } from './eif-pcrs.js'
import { eifPolicyCommand } from './eif-policy.js'
import { eifVerifierPolicyCommand } from './eif-verifier-policy.js'

export function eifCommand(): Command {
  return new Command('eif')
    .description('Build, measure, describe and compare enclave image files, and pin one in a policy.')
    .addCommand(eifDescribeCommand())
    .addCommand(eifPcrsCommand())
    .addCommand(eifBuildCommand())
    .addCommand(eifDiffCommand())
    .addCommand(eifPolicyCommand())
    .addCommand(eifVerifierPolicyCommand())
}
