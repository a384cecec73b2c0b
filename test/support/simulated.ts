import type { NsmExchange } from '../../enclave/nsm/exchange.js'
import type { Nsm } from '../../enclave/nsm/requests.js'
import { createInstanceAuthority, type InstanceAuthority } from '../../simulator/authority.js'
import { type EnclaveIdentity, enclaveIdentity, type IdentityOptions } from '../../simulator/identity.js'
import { createSimulatedDevice, createSimulatedNsm, type SimulatedNsmOptions } from '../../simulator/nsm.js'

export interface Simulated {
  readonly nsm: Nsm
  readonly device: NsmExchange
  readonly authority: InstanceAuthority
  readonly root: Uint8Array
  readonly identity: EnclaveIdentity
}

type Options = IdentityOptions & Partial<SimulatedNsmOptions> & { readonly authorityNow?: () => Date }

/** A module under an authority of its own; `nsm` and `device` are two modules of the same enclave. */
export async function simulated({ authorityNow, pcrs, roleArn, ...rest }: Options = {}): Promise<Simulated> {
  const identity = enclaveIdentity({})
  const { instanceId, moduleId } = identity
  const now = rest.now ?? (() => new Date())
  const authority = await createInstanceAuthority({
    region: 'us-east-1',
    instanceId,
    now: authorityNow ?? now,
  })
  const [root = new Uint8Array()] = authority.cabundle
  const options = { ...identity.measurements, authority, moduleId, now, ...rest }
  return { nsm: createSimulatedNsm(options), device: createSimulatedDevice(options), authority, root, identity }
}
