/** What a folder keeps of a simulated Nitro Secure Module, in JSON: the enclave's module_id and its registers in hex. */
import { PCR_LENGTH } from '../../enclave/nsm/arguments.js'
import { MAX_PCRS } from '../../shared/attestation/document-fields.js'
import type { PcrSnapshot } from '../pcr-bank.js'
import { damaged, readJsonFile, writeJsonFile } from './atomic-file.js'

export interface NsmState {
  readonly moduleId: string
  readonly registers: PcrSnapshot
}

const MODULE_ID = /^i-simulated[0-9a-z]{1,32}-enc[0-9a-f]{16}$/
const REGISTER = new RegExp(`^[0-9a-f]{${PCR_LENGTH * 2}}$`)

/** Undefined where there is no such file. Throws UsageError ERR_USAGE for one that is damaged. */
export async function readNsmState(path: string): Promise<NsmState | undefined> {
  const value = (await readJsonFile(path)) as Readonly<Record<string, unknown>> | null | undefined
  if (value === undefined) return undefined
  const { version, moduleId, registers } = value ?? {}
  if (version !== 1) throw damaged(path, 'has another version than 1')
  if (typeof moduleId !== 'string' || !MODULE_ID.test(moduleId)) throw damaged(path, 'has no moduleId')
  if (!Array.isArray(registers) || registers.length !== MAX_PCRS)
    throw damaged(path, `does not have ${MAX_PCRS} registers`)
  return { moduleId, registers: registers.map((one, index) => readRegister(path, one, index)) }
}

export async function writeNsmState(path: string, { moduleId, registers }: NsmState): Promise<void> {
  const written = registers.map(({ value, locked }) => ({
    value: Buffer.from(value).toString('hex'),
    locked,
  }))
  await writeJsonFile(path, { version: 1, moduleId, registers: written })
}

function readRegister(path: string, register: unknown, index: number): PcrSnapshot[number] {
  const { value, locked } = (register ?? {}) as Readonly<Record<string, unknown>>
  if (typeof value !== 'string' || !REGISTER.test(value) || typeof locked !== 'boolean')
    throw damaged(path, `has no right PCR${index}`)
  return { value: new Uint8Array(Buffer.from(value, 'hex')), locked }
}
