/** `nitro-enclave eif policy`: the statement that lets an enclave image, and nothing else, use KMS. */
import { Command, Option } from 'commander'
import { PINNED_ACTIONS, type PinnedAction, pinningPolicy, zeroRegisters } from '../image/index.js'
import { PolicyError, UsageError } from '../shared/errors.js'
import { checkSound, readDescription } from './eif-description.js'
import { warn } from './eif-output.js'
import { registerNumbers } from './options.js'
import { reporting } from './reporting.js'
import { writeJson } from './write.js'

interface Flags {
  action: PinnedAction
  role?: string
  pcr?: readonly number[]
  allowDebug?: boolean
}

const NOTES = `
GenerateRandom uses no KMS key, so no key policy can allow it: the document goes to the role of
the parent instance. For the other actions the statement goes into the policy of the KMS key.

Examples:
  nitro-enclave eif policy --action GenerateRandom app.eif > policy.json
  aws iam put-role-policy --role-name parent --policy-name enclave --policy-document file://policy.json
  nitro-enclave eif policy --action Decrypt --role arn:aws:iam::123456789012:role/parent --pcr 8 app.eif
  nitro-cli describe-eif --eif-path app.eif > app.json; nitro-enclave eif policy --action GenerateRandom app.json`

export function eifPolicyCommand(): Command {
  return new Command('policy')
    .description('Print the policy that pins an enclave image: PCR0, and the registers that you name.')
    .argument(
      '<file>',
      'the enclave image file, or the JSON that nitro-cli or `eif describe --json` prints of it',
    )
    .addOption(
      new Option('--action <name>', 'the KMS operation to allow')
        .choices(PINNED_ACTIONS)
        .makeOptionMandatory(),
    )
    .option('--role <arn>', "the parent instance's role, for a statement of a key policy")
    .option('--pcr <numbers>', 'pin further registers: 1, 2, 8; may be repeated', registerNumbers)
    .option('--allow-debug', 'pin registers that are zero, for a test: any enclave in debug mode has them')
    .addHelpText('after', NOTES)
    .action((file: string, flags: Flags) => reporting('eif policy', () => policy(file, flags)))
}

async function policy(file: string, { action, role, pcr = [], allowDebug = false }: Flags): Promise<void> {
  if (action !== 'GenerateRandom' && role === undefined) {
    throw new UsageError(
      'ERR_USAGE',
      `a key policy must say who is allowed ${action}: --role ARN names the parent instance's role`,
    )
  }
  const description = await readDescription('policy', file)
  checkSound(file, description, pcr)
  const measurements = description.Measurements
  const options = { action, measurements, registers: pcr, ...(role !== undefined && { role }) }
  const document = pinningPolicy(options)
  for (const index of zeroRegisters(options)) {
    const words = `PCR${index} is zero, which pins nothing: every enclave in debug mode has it so`
    if (!allowDebug) throw new PolicyError('ERR_POLICY_DEBUG_MODE', words)
    warn('policy', [words])
  }
  writeJson(document)
  process.stderr.write(`${whereTo(action, role)}\n`)
}

function whereTo(action: PinnedAction, role: string | undefined): string {
  if (action !== 'GenerateRandom') {
    return 'Put this statement into the policy of the KMS key. No other statement may allow the same to anybody.'
  }
  const name = role === undefined ? 'of the parent instance' : role.slice(role.lastIndexOf('/') + 1)
  return (
    `Attach this document to the IAM role ${name}: GenerateRandom uses no KMS key, whose policy could hold it. ` +
    'No other policy of the role may allow the same.'
  )
}
