/** `nitro-enclave eif pcrs`: the registers that an image starts with, and nothing else. */
import { Command } from 'commander'
import { describeFile, isSound, registersOf } from './eif-output.js'
import { failureJson, reporting } from './reporting.js'
import { write, writeJson } from './write.js'

const NOTES = `
PCR0 is the whole image, PCR1 what boots (kernel, command line, first ramdisk), PCR2 the
other ramdisks, PCR8 the signing certificate.

Examples:
  nitro-enclave eif pcrs app.eif
  nitro-enclave simulate --pcr 0=$(nitro-enclave eif pcrs app.eif --json | jq -r .Measurements.PCR0)`

export function eifPcrsCommand(): Command {
  return new Command('pcrs')
    .description('Measure an enclave image: the registers that an enclave which runs it has.')
    .argument('<file>', 'the enclave image file')
    .option('--json', 'print the object that `nitro-cli build-enclave` prints')
    .addHelpText('after', NOTES)
    .action((file: string, { json }: { json?: boolean }) =>
      reporting('eif pcrs', () => pcrs(file, json), json ? failureJson : undefined),
    )
}

async function pcrs(file: string, json: boolean | undefined): Promise<void> {
  const description = await describeFile('pcrs', file)
  const { Measurements } = description
  if (json) writeJson({ Measurements })
  else for (const [name, value] of registersOf(Measurements)) write(`${name} ${value}`)
  if (!isSound(description)) process.exitCode = 2
}
