/**
 * The platform configuration registers, PCR0 to PCR31. 0 to 15 are locked when the enclave boots; 16 to 31 are the
 * application's, to extend and to lock. Attestation documents bear those that are locked. No lock is ever undone.
 */
import { MAX_PCRS } from '../../shared/attestation/document-fields.js'
import { brokenAnswer, checkBytes, checkInteger, checkNsm, PCR_LENGTH } from './arguments.js'
import { encodeRequest, MAX_REQUEST_LENGTH } from './codec.js'
import type { Nsm } from './requests.js'

export interface PcrDescription {
  readonly index: number
  /** 48 bytes, SHA-384; zero until it is extended. */
  readonly value: Uint8Array
  /** No longer to be extended, and in attestation documents. */
  readonly locked: boolean
}

/** Throws UsageError ERR_USAGE for an index other than 0 to 31, and NsmError. */
export async function describePcr(nsm: Nsm, index: number): Promise<PcrDescription> {
  checkNsm(nsm)
  checkIndex(index)
  const { data, lock } = await nsm.request({ type: 'DescribePCR', index })
  if (typeof lock !== 'boolean') throw brokenAnswer(`no lock state of PCR${index}`)
  return { index, value: register(data, index), locked: lock }
}

/** All 32, in order, asked for one after the other: what extends one meanwhile may show or not. Throws NsmError. */
export async function describePcrs(nsm: Nsm): Promise<readonly PcrDescription[]> {
  const registers: PcrDescription[] = []
  for (let index = 0; index < MAX_PCRS; index++) registers.push(await describePcr(nsm, index))
  return registers
}

/**
 * The new value, SHA-384(old value || data). `data` itself goes in, not a digest of it: what fits a request of 4,096
 * bytes, 4,069 or, from PCR24 on, 4,068.
 *
 * Throws UsageError ERR_USAGE, and NsmError: ERR_NSM_READ_ONLY_INDEX for a register that is locked.
 */
export async function extendPcr(nsm: Nsm, index: number, data: Uint8Array): Promise<Uint8Array> {
  checkNsm(nsm)
  checkIndex(index)
  checkBytes('data', data, longestData(index))
  const answer = await nsm.request({ type: 'ExtendPCR', index, data })
  return register(answer.data, index)
}

/** Throws UsageError ERR_USAGE, and NsmError: ERR_NSM_READ_ONLY_INDEX for a register that is locked already. */
export async function lockPcr(nsm: Nsm, index: number): Promise<void> {
  checkNsm(nsm)
  checkIndex(index)
  await nsm.request({ type: 'LockPCR', index })
}

/**
 * Locks PCR0 to PCR(range - 1), whether they are locked already or not; `range` is 0 to 32. Throws UsageError
 * ERR_USAGE, and NsmError.
 */
export async function lockPcrs(nsm: Nsm, range: number): Promise<void> {
  checkNsm(nsm)
  checkInteger('range', range, MAX_PCRS)
  await nsm.request({ type: 'LockPCRs', range })
}

function checkIndex(index: number): void {
  checkInteger('index', index, MAX_PCRS - 1)
}

/** What an empty extension leaves; a byte string of so many bytes has a head of three (RFC 8949, section 3). */
function longestData(index: number): number {
  const empty = encodeRequest({ type: 'ExtendPCR', index, data: new Uint8Array() })
  return MAX_REQUEST_LENGTH - (empty.length - 1) - 3
}

function register(value: Uint8Array, index: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== PCR_LENGTH)
    throw brokenAnswer(`a PCR${index} that does not have ${PCR_LENGTH} bytes`)
  return value
}
