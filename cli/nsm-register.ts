/** A register of the Nitro Secure Module, for a person and for a program. */
import type { PcrDescription } from '../enclave/nsm/registers.js'

export function registerRow({ index, value, locked }: PcrDescription): string[] {
  return [`PCR${index}`, hex(value), locked ? 'locked' : 'open']
}

export function registerJson({ index, value, locked }: PcrDescription): object {
  return { index, value: hex(value), locked }
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}
