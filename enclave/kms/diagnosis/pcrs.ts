/** The registers that a refused enclave attested. They are public. */
import type { AttestationDocument } from '../../../shared/attestation/document.js'
import { UsageError } from '../../../shared/errors.js'

const REGISTER = /^[0-9a-f]{96}$/i
const INDEX = /^(?:[0-9]|[12][0-9]|3[01])$/

/** Reads the option `expectedPcrs`. Throws UsageError ERR_USAGE naming the register. */
export function readExpectedPcrs(
  expected: Readonly<Record<number, string>> | undefined,
): ReadonlyMap<number, string> | undefined {
  if (expected === undefined) return undefined
  const entries = Object.entries(expected).map(([index, value]): [number, string] => {
    if (!INDEX.test(index) || typeof value !== 'string' || !REGISTER.test(value)) {
      throw new UsageError('ERR_USAGE', `expectedPcrs: ${index} is not a PCR of 48 bytes in hex`)
    }
    return [Number(index), value.toLowerCase()]
  })
  return new Map(entries)
}

export function pcrText({ pcrs }: AttestationDocument, index: number): string {
  const bytes = pcrs.get(index)
  return bytes === undefined ? 'none' : Buffer.from(bytes).toString('hex')
}

/** One sentence for each register that is not the expected one, both values in full. */
export function pcrDifferences(
  document: AttestationDocument,
  expected: ReadonlyMap<number, string>,
): readonly string[] {
  return [...expected].flatMap(([index, wanted]) => {
    const has = pcrText(document, index)
    return has === wanted ? [] : [`PCR${index} of this enclave is ${has}, expected is ${wanted}.`]
  })
}
