/** The Nitro Secure Module about itself. */
import { brokenAnswer, checkNsm } from './arguments.js'
import type { Nsm, NsmDigest } from './requests.js'

export interface NsmDescription {
  /** `i-<instance id>-enc<enclave id>`, as in attestation documents. */
  readonly moduleId: string
  readonly versionMajor: number
  readonly versionMinor: number
  readonly versionPatch: number
  /** How many registers there are: 32. */
  readonly maxPcrs: number
  /** Indices, in order. */
  readonly lockedPcrs: readonly number[]
  /** Of the registers: SHA384. */
  readonly digest: NsmDigest
}

/** Throws UsageError ERR_USAGE, and NsmError: ERR_NSM_INVALID_RESPONSE for a description that contradicts itself. */
export async function describeNsm(nsm: Nsm): Promise<NsmDescription> {
  checkNsm(nsm)
  const { type: _, ...description } = await nsm.request({ type: 'DescribeNSM' })
  const { moduleId, maxPcrs, lockedPcrs } = description
  if (moduleId === '') throw brokenAnswer('an empty module_id')
  const locked = [...new Set(lockedPcrs)].sort((a, b) => a - b)
  if (locked.length !== lockedPcrs.length || locked.some((index) => index >= maxPcrs))
    throw brokenAnswer('locked_pcrs that are not indices of its registers, each once')
  return { ...description, lockedPcrs: locked }
}
