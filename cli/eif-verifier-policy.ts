/** `nitro-enclave eif verifier-policy`: what a relying party asks of the documents of an image. */
import { Command } from 'commander'
import { checkSound, readDescription } from './eif-description.js'
import { registerNumbers } from './options.js'
import { reporting } from './reporting.js'
import { verifierPolicy } from './verifier-policy.js'
import { writeJson } from './write.js'

interface Flags {
  readonly pcr?: readonly number[]
}

const NOTES = `
PCR0 is the whole image; a signed one is pinned by PCR8, too, its signing certificate. Of several
images any will do: the one that runs and the one that is being rolled out. Nonce, age and the
rest can be added by hand: docs/verification.md.

Examples:
  nitro-enclave eif verifier-policy app.eif > policy.json
  nitro-enclave eif verifier-policy app-1.eif app-2.eif > policy.json
  nitro-enclave verify document.bin --policy policy.json --nonce 00ff`

export function eifVerifierPolicyCommand(): Command {
  return new Command('verifier-policy')
    .description('Print the policy.json by which `verify --policy` accepts enclaves of these images alone.')
    .argument(
      '<file...>',
      'enclave image files, or the JSON that nitro-cli or `eif describe --json` prints of them',
    )
    .option('--pcr <numbers>', 'pin further registers: 1, 2; may be repeated', registerNumbers)
    .addHelpText('after', NOTES)
    .action((files: readonly string[], flags: Flags) =>
      reporting('eif verifier-policy', () => print(files, flags)),
    )
}

async function print(files: readonly string[], { pcr = [] }: Flags): Promise<void> {
  const measurements: object[] = []
  for (const file of files) {
    const description = await readDescription('verifier-policy', file)
    const signer = 'PCR8' in description.Measurements ? [8] : []
    checkSound(file, description, signer)
    measurements.push(description.Measurements)
  }
  writeJson(verifierPolicy(measurements as Record<string, unknown>[], pcr))
}
