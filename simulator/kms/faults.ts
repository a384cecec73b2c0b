/** What can go wrong with a KMS, on demand. */
import { UsageError } from '../../shared/errors.js'
import { dependencyTimeout, KmsError, kmsInternal } from './errors.js'
import type { Misbehaviour } from './operations.js'

/** Shares of the calls, 0 to 1, spread evenly: of 0.05 every twentieth. */
export interface FaultShares {
  readonly throttling?: number
  readonly internal?: number
}

/** What every call may suffer. */
const FAULTS = {
  dependencyTimeout,
  internal: kmsInternal,
  throttling,
  ignoreRecipient: () => 'ignoreRecipient',
  truncatedEnvelope: () => 'truncatedEnvelope',
  wrongRecipient: () => 'wrongRecipient',
} as const satisfies Record<Misbehaviour | 'dependencyTimeout' | 'internal' | 'throttling', Faults['next']>

export type Fault = keyof typeof FAULTS | FaultShares

export interface Faults {
  /** From now on; undefined cures it. Throws UsageError ERR_USAGE for a fault or a share that is none. */
  set(fault: Fault | undefined): void
  /** Of the next call. */
  next(): KmsError | Misbehaviour | undefined
}

/** KMS answers it with HTTP 400; the SDKs try again. Source: KMS Developer Guide, "Throttling AWS KMS requests". */
export function throttling(): KmsError {
  return new KmsError('ThrottlingException', 'Rate exceeded')
}

export function createFaults(): Faults {
  let next: Faults['next'] = () => undefined
  return {
    set: (fault) => {
      next = fault === undefined ? () => undefined : asked(fault)
    },
    next: () => next(),
  }
}

/** Of callers without types too: a mistyped fault would be none, and a test of it would pass. */
function asked(fault: Fault): Faults['next'] {
  if (typeof fault === 'object' && fault !== null) return inShares(fault)
  if (!Object.hasOwn(FAULTS, fault)) {
    throw new UsageError('ERR_USAGE', `no such fault: give ${Object.keys(FAULTS).join(', ')}, or shares`)
  }
  return FAULTS[fault]
}

function inShares({ throttling: throttled = 0, internal = 0, ...others }: FaultShares): Faults['next'] {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new UsageError('ERR_USAGE', `${unknown}: only throttling and internal have shares`)
  for (const [name, share] of Object.entries({ throttling: throttled, internal })) {
    if (!(typeof share === 'number' && share >= 0 && share <= 1))
      throw new UsageError('ERR_USAGE', `${name}: not a share from 0 to 1`)
  }
  const counts = [
    { share: throttled, make: throttling, given: 0 },
    { share: internal, make: kmsInternal, given: 0 },
  ]
  let calls = 0
  return () => {
    calls += 1
    // Where both are due the other waits for the next call. The tiny part is for 0.29 * 100, which is under 29.
    const due = counts.find(({ share, given }) => given < Math.floor(calls * share + 1e-9))
    if (due === undefined) return undefined
    due.given += 1
    return due.make()
  }
}
