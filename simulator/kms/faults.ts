/** What can go wrong with a KMS, on demand. */
import { UsageError } from '../../shared/errors.js'
import { dependencyTimeout, KmsError, kmsInternal } from './errors.js'
import type { Misbehaviour } from './operations.js'

/** Shares of the calls, 0 to 1, spread evenly: of 0.05 every twentieth. */
export interface FaultShares {
  readonly throttling?: number
  readonly internal?: number
}

export type Fault = Misbehaviour | 'dependencyTimeout' | 'internal' | 'throttling' | FaultShares

export interface Faults {
  /** From now on; undefined cures it. Throws UsageError ERR_USAGE for a share that is none. */
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

function asked(fault: Fault): Faults['next'] {
  if (typeof fault === 'object') return inShares(fault)
  if (fault === 'dependencyTimeout') return dependencyTimeout
  if (fault === 'internal') return kmsInternal
  return fault === 'throttling' ? throttling : () => fault
}

function inShares({ throttling: throttled = 0, internal = 0 }: FaultShares): Faults['next'] {
  for (const [name, share] of Object.entries({ throttling: throttled, internal })) {
    if (!(share >= 0 && share <= 1)) throw new UsageError('ERR_USAGE', `${name}: not a share from 0 to 1`)
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
