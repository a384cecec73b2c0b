/**
 * A simulated Nitro Secure Module that a folder keeps: what one process extends and locks, the next one finds. It
 * signs with the folder's authority, so that KMS in the same folder takes its documents.
 */
import { join } from 'node:path'
import { nsmOver } from '../../enclave/nsm/exchange.js'
import type { Nsm, NsmRequest, NsmResponseTo } from '../../enclave/nsm/requests.js'
import { NsmError, UsageError } from '../../shared/errors.js'
import { enclaveIdentity, type IdentityOptions } from '../identity.js'
import { simulatedDeviceOn } from '../nsm.js'
import { PcrBank } from '../pcr-bank.js'
import { authorityIn } from './authority.js'
import { type NsmState, readNsmState, writeNsmState } from './nsm-state.js'
import { whileLocked } from './while-locked.js'

export interface SimulatedNsmInOptions {
  /** The registers with which the enclave boots: for a folder without one. PCR0 to PCR2 are not zero unless given so. */
  readonly pcrs?: IdentityOptions['pcrs']
  /** Of a new authority, `us-east-1` unless given. */
  readonly region?: string
  readonly now?: () => Date
}

/** DIRECTORY/nsm.json: who the enclave is, and its registers. */
const stateFile = (directory: string) => join(directory, 'nsm.json')
const lockOf = (directory: string) => join(directory, 'nsm.lock')

/**
 * Opens the module in the folder, and boots an enclave there when there is none. Any number of processes may do so
 * at once; each request sees the registers as they are then.
 *
 * Throws UsageError ERR_USAGE for registers of an enclave that has booted before, and for a folder or a file in it
 * that cannot be used, OperationError ERR_SIMULATOR where writing fails; so do requests.
 */
export async function simulatedNsmIn(
  directory: string,
  { pcrs, region = 'us-east-1', now = () => new Date() }: SimulatedNsmInOptions = {},
): Promise<Nsm> {
  const authority = await authorityIn(directory, { region, now })
  const { moduleId } = await booted(directory, pcrs, authority.instanceId)
  const bank = new PcrBank({ pcrs: new Map(), instanceId: authority.instanceId })
  return new KeptNsm(
    directory,
    bank,
    nsmOver(simulatedDeviceOn(bank, { authority, moduleId, now })),
    moduleId,
  )
}

async function booted(
  directory: string,
  pcrs: IdentityOptions['pcrs'],
  instanceId: string,
): Promise<NsmState> {
  const path = stateFile(directory)
  const present = await readNsmState(path)
  if (present === undefined) return whileLocked(lockOf(directory), () => boot(path, pcrs, instanceId))
  return asBooted(path, present, pcrs)
}

async function boot(path: string, pcrs: IdentityOptions['pcrs'], instanceId: string): Promise<NsmState> {
  const present = await readNsmState(path)
  if (present !== undefined) return asBooted(path, present, pcrs)
  const { moduleId, measurements } = enclaveIdentity(pcrs === undefined ? {} : { pcrs }, instanceId)
  const state = { moduleId, registers: new PcrBank(measurements).snapshot() }
  await writeNsmState(path, state)
  return state
}

function asBooted(path: string, present: NsmState, pcrs: IdentityOptions['pcrs']): NsmState {
  if (pcrs === undefined) return present
  throw new UsageError(
    'ERR_USAGE',
    `the enclave of ${path} has booted: its registers cannot be given any more; leave them out, or remove the file to boot another one`,
  )
}

const CHANGES: readonly NsmRequest['type'][] = ['ExtendPCR', 'LockPCR', 'LockPCRs']

class KeptNsm implements Nsm {
  readonly #directory: string
  readonly #bank: PcrBank
  readonly #nsm: Nsm
  readonly #moduleId: string
  #closed = false
  /** Settles with the last request, never rejects: there is one bank, for one request at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(directory: string, bank: PcrBank, nsm: Nsm, moduleId: string) {
    this.#directory = directory
    this.#bank = bank
    this.#nsm = nsm
    this.#moduleId = moduleId
  }

  async request<R extends NsmRequest>(request: R): Promise<NsmResponseTo<R>> {
    if (this.#closed) throw new NsmError('ERR_NSM_CLOSED', 'the Nitro Secure Module has been closed')
    // As it is now, whenever its turn comes.
    const copy = structuredClone(request)
    const answer = this.#turn.then(() => this.#answer(copy))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  close(): void {
    this.#closed = true
  }

  async #answer<R extends NsmRequest>(request: R): Promise<NsmResponseTo<R>> {
    const path = stateFile(this.#directory)
    if (!CHANGES.includes(request.type)) {
      await this.#load(path)
      return this.#nsm.request(request)
    }
    return whileLocked(lockOf(this.#directory), async () => {
      await this.#load(path)
      const answer = await this.#nsm.request(request)
      await writeNsmState(path, { moduleId: this.#moduleId, registers: this.#bank.snapshot() })
      return answer
    })
  }

  async #load(path: string): Promise<void> {
    const state = await readNsmState(path)
    if (state?.moduleId !== this.#moduleId)
      throw new UsageError(
        'ERR_USAGE',
        `${path} no longer holds the enclave ${this.#moduleId}: open it again`,
      )
    this.#bank.restore(state.registers)
  }
}
