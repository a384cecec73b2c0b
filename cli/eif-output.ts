/** What the commands on enclave images print alike. */
import { describeEif, type EifDescription, type Measurements, type ReadOptions } from '../image/index.js'
import { withoutControls } from '../shared/printable.js'
import { showProgress } from './progress.js'

export function warn(command: string, warnings: readonly string[]): void {
  for (const warning of warnings)
    process.stderr.write(`nitro-enclave eif ${command}: warning: ${withoutControls(warning)}\n`)
}

/** The registers as rows of a table. */
export function registersOf(measurements: Measurements): string[][] {
  return Object.entries(measurements).filter(([name]) => name.startsWith('PCR'))
}

/** Reads an image, shows how far that has come, and prints its warnings. */
export async function describeFile(
  command: string,
  file: string,
  options: ReadOptions = {},
): Promise<EifDescription> {
  const progress = showProgress(`reading ${file}`)
  try {
    const description = await describeEif(file, { ...options, onProgress: progress.report })
    progress.end()
    warn(command, description.Warnings)
    return description
  } finally {
    progress.end()
  }
}

/** False for an image that is not as it was built, or whose signature does not hold. */
export function isSound({ CheckCRC, SignatureCheck }: EifDescription): boolean {
  return CheckCRC && SignatureCheck !== false
}
