/** `nitro-enclave eif diff`: why two images have different registers. */
import { Command } from 'commander'
import { diffEif, type EifDiff, type ReadSection, type SectionDifference } from '../image/index.js'
import { withoutControls } from '../shared/printable.js'
import { warn } from './eif-output.js'
import { failureJson, reporting } from './reporting.js'
import { write, writeJson } from './write.js'

const NOTES = `
Exit code 0 when PCR0 is the same, 3 when it differs: a policy that pins the one image refuses
the other. Metadata and signature may differ without that.

Examples:
  nitro-enclave eif diff app-1.eif app-2.eif
  nitro-enclave eif diff mine.eif rebuilt.eif && echo reproduced`

export function eifDiffCommand(): Command {
  return new Command('diff')
    .description('Compare two enclave images section by section: what makes PCR0 differ, and what does not.')
    .argument('<a>', 'an enclave image file')
    .argument('<b>', 'another')
    .option('--json', 'print one JSON object')
    .addHelpText('after', NOTES)
    .action((a: string, b: string, { json }: { json?: boolean }) =>
      reporting('eif diff', () => diff(a, b, json), json ? failureJson : undefined),
    )
}

async function diff(a: string, b: string, json: boolean | undefined): Promise<void> {
  const result = await diffEif(a, b)
  const { warnings, ...rest } = result
  warn('diff', warnings)
  if (json) writeJson(rest)
  else print(result)
  if (!result.samePcr0) process.exitCode = 3
}

function print({ samePcr0, measurements, sections, orderDiffers }: EifDiff): void {
  if (samePcr0) write(`PCR0 is the same: ${measurements.a.PCR0}`)
  else write(`PCR0 differs:\n  a ${measurements.a.PCR0}\n  b ${measurements.b.PCR0}`)
  const because = sections.filter(({ measured }) => measured)
  const beside = sections.filter(({ measured }) => !measured)
  if (orderDiffers) write('The order of the sections differs.')
  for (const difference of because) printSection(difference, 'differs')
  for (const difference of beside) printSection(difference, 'differs, and is not measured')
  if (sections.length === 0 && samePcr0) write('No section differs.')
  if (samePcr0 && because.length > 0)
    write('Their bytes in a row are the same: PCR0 does not tell where one ends.')
}

function printSection({ section, a, b, text }: SectionDifference, how: string): void {
  write(`${section} ${how}`)
  write(`  a ${text ? `"${withoutControls(text.a)}"` : contentOf(a)}`)
  write(`  b ${text ? `"${withoutControls(text.b)}"` : contentOf(b)}`)
}

function contentOf(section: ReadSection | undefined): string {
  return section === undefined ? 'none' : `${section.size} bytes, SHA-384 ${section.digest}`
}
