/** The simulated module's platform configuration registers: 32 of SHA-384, 0 to 15 locked at boot. */
import { createHash } from 'node:crypto'
import { PCR_LENGTH } from '../enclave/nsm/arguments.js'
import { MAX_PCRS } from '../shared/attestation/document-fields.js'
import { UsageError } from '../shared/errors.js'

const LOCKED_AT_BOOT = 16

interface Register {
  value: Uint8Array
  locked: boolean
}

/** All 32 registers at one moment, in order. */
export type PcrSnapshot = readonly Readonly<Register>[]

export interface BootMeasurements {
  /** Registers by index, 48 bytes each: the image's PCR0 to PCR2, and any other; 16 to 31 are locked when given. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  /** Measured into PCR3; without a role it is zero. */
  readonly roleArn?: string
  /** Measured into PCR4. */
  readonly instanceId: string
}

export class PcrBank {
  readonly #registers: Register[]

  constructor({ pcrs, roleArn, instanceId }: BootMeasurements) {
    this.#registers = Array.from({ length: MAX_PCRS }, (_, index) => ({
      value: new Uint8Array(pcrs.get(index) ?? new Uint8Array(PCR_LENGTH)),
      locked: index < LOCKED_AT_BOOT || pcrs.has(index),
    }))
    // The texts themselves, with no hash of their own inside, as 47 of 47 real documents show for PCR4.
    if (roleArn !== undefined && !pcrs.has(3))
      this.#at(3).value = extended(new Uint8Array(PCR_LENGTH), Buffer.from(roleArn))
    if (!pcrs.has(4)) this.#at(4).value = extended(new Uint8Array(PCR_LENGTH), Buffer.from(instanceId))
  }

  has(index: number): boolean {
    return index < MAX_PCRS
  }

  read(index: number): Readonly<Register> {
    return this.#at(index)
  }

  extend(index: number, data: Uint8Array): Uint8Array {
    const register = this.#at(index)
    register.value = extended(register.value, data)
    return register.value
  }

  lock(index: number): void {
    this.#at(index).locked = true
  }

  /** What an attestation document carries, in order. */
  locked(): ReadonlyMap<number, Uint8Array> {
    return new Map(this.#registers.flatMap(({ value, locked }, index) => (locked ? [[index, value]] : [])))
  }

  snapshot(): PcrSnapshot {
    return this.#registers.map(({ value, locked }) => ({ value: new Uint8Array(value), locked }))
  }

  /** Takes the registers of a snapshot. Throws UsageError ERR_USAGE for what is none, and changes nothing then. */
  restore(snapshot: PcrSnapshot): void {
    if (snapshot.length !== MAX_PCRS || snapshot.some(({ value }) => value.length !== PCR_LENGTH))
      throw new UsageError('ERR_USAGE', `a snapshot has ${MAX_PCRS} registers of ${PCR_LENGTH} bytes`)
    for (const [index, { value, locked }] of snapshot.entries())
      this.#registers[index] = { value: new Uint8Array(value), locked }
  }

  #at(index: number): Register {
    const register = this.#registers[index]
    if (register === undefined) throw new RangeError(`there is no PCR${index}`)
    return register
  }
}

/** SHA-384(old || data). */
export function extended(old: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(old).update(data).digest())
}
