/** How a tier ends, and the lines that say so. */

/** Something the tier needs cannot be had here: no fault of the code under test. */
export class Skipped extends Error {
  override name = 'Skipped'
}

/** A guest that never reached its init: busy cores do that, so it is worth one more try. */
export class BootHang extends Error {
  override name = 'BootHang'
}

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'skipped'; readonly reason: string }

export async function outcomeOf(tier: () => Promise<void>): Promise<Outcome> {
  try {
    await tier()
    return { kind: 'passed' }
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, '; ')
    return { kind: error instanceof Skipped ? 'skipped' : 'failed', reason }
  }
}

export function describe(outcome: Outcome): string {
  return outcome.kind === 'passed' ? 'passed' : `${outcome.kind}: ${outcome.reason}`
}
