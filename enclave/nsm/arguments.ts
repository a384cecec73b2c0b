/** What is checked before the Nitro Secure Module is asked, and of what it answers. Bad ones are named. */
import { NsmError, UsageError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'
import type { Nsm } from './requests.js'

/** Bytes of a register: SHA-384. */
export const PCR_LENGTH = 48

/** Throws UsageError ERR_USAGE. */
export function checkNsm(nsm: Nsm): void {
  if (typeof nsm?.request !== 'function') throw new UsageError('ERR_USAGE', 'nsm: not a Nitro Secure Module')
}

/** A whole number from 0 to `most`. Throws UsageError ERR_USAGE. */
export function checkInteger(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new UsageError('ERR_USAGE', `${name}: ${shown(value)} is not a whole number from 0 to ${most}`)
}

/** At most `most` bytes. Throws UsageError ERR_USAGE. */
export function checkBytes(name: string, value: Uint8Array, most: number): void {
  if (!(value instanceof Uint8Array)) throw new UsageError('ERR_USAGE', `${name}: not a Uint8Array`)
  if (value.length > most) {
    throw new UsageError('ERR_USAGE', `${name}: ${value.length} bytes; the module takes ${most} at most`)
  }
}

/** An answer that a sound module does not give. */
export function brokenAnswer(what: string): NsmError {
  return new NsmError('ERR_NSM_INVALID_RESPONSE', `the Nitro Secure Module gave ${what}`)
}
