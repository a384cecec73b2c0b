import type { NsmExchange } from '../../enclave/nsm/exchange.js'
import type { Nsm } from '../../enclave/nsm/requests.js'
import { createInstanceAuthority, type InstanceAuthority } from '../../simulator/authority.js'
import { type EnclaveIdentity, enclaveIdentity } from '../../simulator/identity.js'
import { createSimulatedDevice, createSimulatedNsm, type SimulatedNsmOptions } from '../../simulator/nsm.js'

export interface Simulated {
  readonly nsm: Nsm
  /** Another module of the same enclave, spoken to in bytes. */
  readonly device: NsmExchange
  readonly authority: InstanceAuthority
  readonly root: Uint8Array
  readonly identity: EnclaveIdentity
}

/** A module under an authority of its own. */
export async function simulated(overrides: Partial<SimulatedNsmOptions> = {}): Promise<Simulated> {
  const identity = enclaveIdentity({})
  const { instanceId, moduleId } = identity
  const now = overrides.now ?? (() => new Date())
  const authority = await createInstanceAuthority({ region: 'us-east-1', instanceId, now })
  const [root = new Uint8Array()] = authority.cabundle
  const options = { ...identity.measurements, authority, moduleId, ...overrides }
  return {
    nsm: createSimulatedNsm(options),
    device: createSimulatedDevice(options),
    authority,
    root,
    identity,
  }
}
