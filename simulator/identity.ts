/** Who the simulated enclave is: its module id, which says that it is simulated, and what was measured at its boot. */
import { createHash, randomBytes } from 'node:crypto'
import { PCR_LENGTH } from '../enclave/nsm/arguments.js'
import { MAX_PCRS } from '../shared/attestation/document-fields.js'
import { UsageError } from '../shared/errors.js'
import { type BootMeasurements, extended, PcrBank } from './pcr-bank.js'

export interface IdentityOptions {
  /** Registers by index, 48 bytes each, as bytes or hex; PCR0 to PCR2 are not zero unless given so. */
  readonly pcrs?: Readonly<Record<number, Uint8Array | string>>
  /** Measured into PCR3. */
  readonly roleArn?: string
}

export interface EnclaveIdentity {
  readonly moduleId: string
  readonly instanceId: string
  readonly measurements: BootMeasurements
  /** The registers as they are attested. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
}

const ROLE = 'arn:aws:iam::123456789012:role/simulated-enclave'
const INDEX = /^(?:0|[1-9][0-9]?)$/
const REGISTER = /^[0-9a-f]{96}$/i

/** `instanceId` is measured into PCR4. Throws UsageError ERR_USAGE for a register that is none. */
export function enclaveIdentity(
  { pcrs = {}, roleArn = ROLE }: IdentityOptions,
  instanceId = simulatedInstanceId(),
): EnclaveIdentity {
  const registers = new Map([0, 1, 2].map((index) => [index, simulatedMeasurement(index)]))
  for (const [index, value] of Object.entries(pcrs))
    registers.set(readIndex(index), readRegister(index, value))
  const measurements = { pcrs: registers, roleArn, instanceId }
  return {
    moduleId: `${instanceId}-enc${randomBytes(8).toString('hex')}`,
    instanceId,
    measurements,
    pcrs: new PcrBank(measurements).locked(),
  }
}

export function simulatedInstanceId(): string {
  return `i-simulated${randomBytes(4).toString('hex')}`
}

/** The same in every simulation, so that policies can name it: SHA-384(zeros || SHA-384(a text)), as for images. */
function simulatedMeasurement(index: number): Uint8Array {
  const digest = createHash('sha384').update(`nitro-enclave-sdk simulated PCR${index}`).digest()
  return extended(new Uint8Array(PCR_LENGTH), digest)
}

function readIndex(text: string): number {
  const index = Number(text)
  if (INDEX.test(text) && index < MAX_PCRS) return index
  throw new UsageError('ERR_USAGE', `${JSON.stringify(text)} is not a PCR index from 0 to ${MAX_PCRS - 1}`)
}

function readRegister(index: string, value: Uint8Array | string): Uint8Array {
  const hex = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  if (typeof hex !== 'string' || !REGISTER.test(hex))
    throw new UsageError('ERR_USAGE', `PCR${index} is not 48 bytes of hex`)
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
