/**
 * A simulated Nitro Secure Module: all seven requests over the module's own CBOR, a live PCR bank, documents with
 * real signatures. Limits and error names as the hardware's own check (nsm-check.rs) and QEMU's virtio-nsm have them.
 */
import { randomBytes } from 'node:crypto'
import { MAX_REQUEST_LENGTH } from '../enclave/nsm/codec.js'
import { type NsmExchange, nsmOver } from '../enclave/nsm/exchange.js'
import type { Nsm } from '../enclave/nsm/requests.js'
import { MAX_FIELD_LENGTH, MAX_PCRS } from '../shared/attestation/document-fields.js'
import { type CborValue, decodeCbor } from '../shared/cbor.js'
import { encodeCbor } from '../shared/cbor-writing.js'
import { UsageError } from '../shared/errors.js'
import { type AttestationFields, signAttestation } from './attestation.js'
import {
  ENCLAVE_CERTIFICATE_LIFE,
  type EnclaveCertificate,
  type InstanceAuthority,
  issueEnclaveCertificate,
  renewedAuthority,
} from './authority.js'
import { type BootMeasurements, PcrBank } from './pcr-bank.js'

/** The API's own error names (src/api/mod.rs, `ErrorCode`). */
export type NsmErrorName =
  | 'InvalidArgument'
  | 'InvalidIndex'
  | 'InvalidResponse'
  | 'ReadOnlyIndex'
  | 'InvalidOperation'
  | 'BufferTooSmall'
  | 'InputTooLarge'
  | 'InternalError'

export interface SimulatedModuleOptions {
  readonly authority: InstanceAuthority
  /** Says that it is simulated: the word must be in it. */
  readonly moduleId: string
  readonly now?: () => Date
  /** Writes payload maps of definite length, as hardware did until spring 2025; current hardware's are indefinite. */
  readonly definiteLength?: boolean
  /** Refuses a request by name: for errors that a healthy module never gives. */
  readonly fault?: (request: string) => NsmErrorName | undefined
}

export interface SimulatedNsmOptions extends SimulatedModuleOptions, BootMeasurements {}

/** Milliseconds before its end at which a certificate is replaced. */
const RENEW_BEFORE = 60_000

/** Throws UsageError ERR_USAGE for a module id that does not say that it is simulated. */
export function createSimulatedNsm(options: SimulatedNsmOptions): Nsm {
  return nsmOver(createSimulatedDevice(options))
}

/** The same module, spoken to in bytes. */
export function createSimulatedDevice(options: SimulatedNsmOptions): NsmExchange {
  return simulatedDeviceOn(new PcrBank(options), options)
}

/** The same on registers that somebody else keeps. */
export function simulatedDeviceOn(bank: PcrBank, options: SimulatedModuleOptions): NsmExchange {
  return new SimulatedNsm(bank, options)
}

class Refusal extends Error {
  readonly nsmError: NsmErrorName

  constructor(nsmError: NsmErrorName) {
    super(nsmError)
    this.nsmError = nsmError
  }
}

type Fields = ReadonlyMap<unknown, CborValue>

interface Issued {
  readonly enclave: EnclaveCertificate
  readonly cabundle: readonly Uint8Array[]
}

class SimulatedNsm implements NsmExchange {
  readonly #options: SimulatedModuleOptions
  readonly #bank: PcrBank
  readonly #now: () => Date
  #authority: InstanceAuthority
  #enclave: { readonly from: number; readonly issued: Promise<Issued> } | undefined

  constructor(bank: PcrBank, options: SimulatedModuleOptions) {
    if (!options.moduleId.includes('simulated'))
      throw new UsageError('ERR_USAGE', 'moduleId does not say that it is simulated')
    this.#options = options
    this.#authority = options.authority
    this.#bank = bank
    this.#now = options.now ?? (() => new Date())
  }

  close(): void {}

  async exchange(request: Uint8Array): Promise<Uint8Array> {
    try {
      if (request.length > MAX_REQUEST_LENGTH) throw new Refusal('InputTooLarge')
      const [name, fields] = readRequest(request)
      const fault = this.#options.fault?.(name)
      if (fault !== undefined) throw new Refusal(fault)
      return encodeCbor(await this.#answer(name, fields))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return encodeCbor(new Map([['Error', error.nsmError]]))
    }
  }

  async #answer(name: string, fields: Fields): Promise<CborValue> {
    switch (name) {
      case 'DescribeNSM':
        return variant(name, this.#describe())
      case 'GetRandom':
        return variant(name, [['random', new Uint8Array(randomBytes(256))]])
      case 'DescribePCR': {
        const { locked, value } = this.#bank.read(this.#index(fields))
        return variant(name, [
          ['lock', locked],
          ['data', value],
        ])
      }
      case 'ExtendPCR':
        return variant(name, [['data', this.#bank.extend(this.#writable(fields), extension(fields))]])
      case 'LockPCR':
        this.#bank.lock(this.#writable(fields))
        return name
      case 'LockPCRs':
        this.#lockRange(unsigned(fields, 'range'))
        return name
      case 'Attestation':
        return variant(name, [['document', await this.#attest(fields)]])
      default:
        throw new Refusal('InvalidOperation')
    }
  }

  #describe(): [string, CborValue][] {
    return [
      ['version_major', 1],
      ['version_minor', 0],
      ['version_patch', 0],
      ['module_id', this.#options.moduleId],
      ['max_pcrs', MAX_PCRS],
      ['locked_pcrs', [...this.#bank.locked().keys()]],
      ['digest', 'SHA384'],
    ]
  }

  #index(fields: Fields): number {
    const index = unsigned(fields, 'index')
    if (!this.#bank.has(index)) throw new Refusal('InvalidIndex')
    return index
  }

  #writable(fields: Fields): number {
    const index = this.#index(fields)
    if (this.#bank.read(index).locked) throw new Refusal('ReadOnlyIndex')
    return index
  }

  #lockRange(range: number): void {
    if (range > MAX_PCRS) throw new Refusal('InvalidIndex')
    for (let index = 0; index < range; index++) this.#bank.lock(index)
  }

  async #attest(fields: Fields): Promise<Uint8Array> {
    const { moduleId, definiteLength = false } = this.#options
    const [userData, nonce, publicKey] = ['user_data', 'nonce', 'public_key'].map((name) =>
      optional(fields, name),
    )
    const now = this.#now()
    // Before anything is waited for: the registers of this moment.
    const pcrs = this.#bank.locked()
    const { enclave, cabundle } = await this.#certificate(now)
    const document: AttestationFields = {
      moduleId,
      timestamp: now,
      pcrs,
      cabundle,
      ...(publicKey && { publicKey }),
      ...(userData && { userData }),
      ...(nonce && { nonce }),
    }
    return signAttestation(document, enclave, { definiteLength })
  }

  /** Hardware uses an enclave's certificate again until its three hours are nearly over. A clock may be set back. */
  #certificate(now: Date): Promise<Issued> {
    const age = now.getTime() - (this.#enclave?.from ?? Number.NEGATIVE_INFINITY)
    if (this.#enclave !== undefined && age >= 0 && age < ENCLAVE_CERTIFICATE_LIFE - RENEW_BEFORE)
      return this.#enclave.issued
    const issued = this.#issue(now)
    const enclave = { from: now.getTime(), issued }
    this.#enclave = enclave
    // One that could not be issued is not kept: the next request tries again.
    issued.catch(() => {
      if (this.#enclave === enclave) this.#enclave = undefined
    })
    return issued
  }

  async #issue(now: Date): Promise<Issued> {
    const authority = await renewedAuthority(this.#authority, now)
    this.#authority = authority
    const enclave = await issueEnclaveCertificate(authority, this.#options.moduleId, now)
    return { enclave, cabundle: authority.cabundle }
  }
}

const UNITS: readonly unknown[] = ['DescribeNSM', 'GetRandom']

/** The text of a request without fields, or a map of one entry that holds a map: anything else is no operation. */
function readRequest(bytes: Uint8Array): [string, Fields] {
  let value: CborValue
  try {
    value = decodeCbor(bytes)
  } catch {
    throw new Refusal('InvalidOperation')
  }
  if (typeof value === 'string' && UNITS.includes(value)) return [value, new Map()]
  if (!(value instanceof Map) || value.size !== 1) throw new Refusal('InvalidOperation')
  const [name, fields] = [...value][0] ?? []
  if (typeof name !== 'string' || UNITS.includes(name) || !(fields instanceof Map))
    throw new Refusal('InvalidOperation')
  return [name, fields]
}

function variant(name: string, fields: readonly [string, CborValue][]): CborValue {
  return new Map([[name, new Map(fields)]])
}

function unsigned(fields: Fields, name: string): number {
  const value = fields.get(name)
  if (typeof value !== 'number' || value < 0 || value > 0xffff) throw new Refusal('InvalidOperation')
  return value
}

function extension(fields: Fields): Uint8Array {
  const data = fields.get('data')
  if (!(data instanceof Uint8Array)) throw new Refusal('InvalidOperation')
  return data
}

function optional(fields: Fields, name: string): Uint8Array | undefined {
  const value = fields.get(name) ?? null
  if (value === null) return undefined
  if (!(value instanceof Uint8Array)) throw new Refusal('InvalidOperation')
  if (value.length > MAX_FIELD_LENGTH) throw new Refusal('InputTooLarge')
  return value
}
