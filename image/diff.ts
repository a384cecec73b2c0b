/** What makes two enclave images different. */
import { describeEif, type EifDescription } from './describe.js'
import { SECTION_NAMES } from './layout.js'
import type { Measurements } from './measure.js'
import type { ReadSection } from './read.js'

export interface SectionDifference {
  /** `kernel`, `command line`, `ramdisk 1`, …, `metadata`, `signature`. */
  readonly section: string
  /** Whether it is part of PCR0: metadata and signature are not. */
  readonly measured: boolean
  /** What each image has there; undefined where it has none. */
  readonly a: ReadSection | undefined
  readonly b: ReadSection | undefined
  /** The two texts, of a command line. */
  readonly text?: { readonly a: string; readonly b: string }
}

export interface EifDiff {
  /** PCR0 is the same: whoever pins the one image admits the other. */
  readonly samePcr0: boolean
  readonly measurements: { readonly a: Measurements; readonly b: Measurements }
  readonly sections: readonly SectionDifference[]
  /** The same sections in another order: it counts, too. */
  readonly orderDiffers: boolean
  /** Of either image, which is named in front. */
  readonly warnings: readonly string[]
}

/** Compares two images, section by section. Throws what `describeEif` throws. */
export async function diffEif(a: string, b: string): Promise<EifDiff> {
  const one = await describeEif(a, { digests: true })
  const other = await describeEif(b, { digests: true })
  const [ours, theirs] = [byName(one), byName(other)]
  const names = [...new Set([...ours.keys(), ...theirs.keys()])]
  return {
    samePcr0: one.Measurements.PCR0 === other.Measurements.PCR0,
    measurements: { a: one.Measurements, b: other.Measurements },
    sections: names.flatMap((name) => {
      const difference = { a: ours.get(name), b: theirs.get(name) }
      if (difference.a?.digest === difference.b?.digest) return []
      const text =
        name === SECTION_NAMES.commandLine ? { a: one.CommandLine, b: other.CommandLine } : undefined
      return [{ section: name, measured: isMeasured(name), ...difference, ...(text && { text }) }]
    }),
    orderDiffers: !sameOrder([...ours.keys()], [...theirs.keys()]),
    warnings: [...warningsOf(a, one), ...warningsOf(b, other)],
  }
}

/** Ramdisks are counted from 1, in the order of the file. */
function byName({ Sections }: EifDescription): ReadonlyMap<string, ReadSection> {
  let ramdisks = 0
  return new Map(
    Sections.map((section) => {
      const name = SECTION_NAMES[section.type]
      return [section.type === 'ramdisk' ? `${name} ${++ramdisks}` : name, section]
    }),
  )
}

/** Whether the measured sections that both have stand in the same order. */
function sameOrder(a: readonly string[], b: readonly string[]): boolean {
  const common = (names: readonly string[], others: readonly string[]) =>
    names.filter((name) => isMeasured(name) && others.includes(name)).join()
  return common(a, b) === common(b, a)
}

function isMeasured(name: string): boolean {
  return name !== SECTION_NAMES.metadata && name !== SECTION_NAMES.signature
}

function warningsOf(path: string, { Warnings }: EifDescription): readonly string[] {
  return Warnings.map((warning) => `${path}: ${warning}`)
}
