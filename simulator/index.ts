/**
 * `nitro-enclave-sdk/simulator`: an enclave, its parent instance and KMS as three processes on an ordinary machine.
 * Real documents, real TLS, real envelopes, real policy checks, under trust anchors of the simulation's own.
 */
import { rm } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import type { KmsClientOptions } from '../enclave/kms/client.js'
import { kmsHost } from '../enclave/kms/endpoint.js'
import type { Dependencies, GenerateRandom, Step } from '../enclave/main.js'
import { writeCredentials } from '../shared/credentials/container-shape.js'
import { connect, PARENT_CID, unixTransport } from '../shared/vsock/index.js'
import { createInstanceAuthority } from './authority.js'
import { type Child, startChild } from './child.js'
import type { AttestedRandom, EnclaveStart, Load, LoadReport } from './enclave-process.js'
import { type EnclaveIdentity, enclaveIdentity, type IdentityOptions } from './identity.js'
import type { Fault, FaultShares } from './kms/faults.js'
import { enclavePolicy } from './kms/identities.js'
import { type KeyStoreState, readKeyStores } from './kms/key-stores.js'
import { newRoleCredentials, newUserCredentials, type RoleCredentials } from './kms/new-credentials.js'
import { parsePolicy, wantedPcrs } from './kms/policy/policy-document.js'
import type { KmsStart } from './kms/process.js'
import { createSimulatedNsm } from './nsm.js'
import type { ParentAccount, ParentStart } from './parent-process.js'
import { simulatedRole } from './role-credentials.js'
import { writeJsonFile } from './state/atomic-file.js'
import { authorityIn } from './state/authority.js'
import { temporaryDirectory } from './temporary-directory.js'

export { type ErrorReport, ReportedError } from './child.js'
export type { KeyStoreState } from './kms/key-stores.js'
export { type SimulatedNsmInOptions, simulatedNsmIn } from './state/nsm.js'
export type {
  AttestedRandom,
  Dependencies,
  EnclaveIdentity,
  Fault,
  FaultShares,
  Load,
  LoadReport,
  ParentAccount,
  Step,
}

export interface SimulateOptions extends IdentityOptions {
  /** The IAM policy of the enclave's role, a document or its JSON text; by default one that pins the simulated PCR0. */
  readonly policy?: unknown
  /** Custom key stores by their id. */
  readonly customKeyStores?: Readonly<Record<string, KeyStoreState>>
  /** `us-east-1` unless given. */
  readonly region?: string
  /** A folder that keeps KMS's keys and the root of attestation documents; without, both go with the simulation. */
  readonly state?: string
  /** A file for the bytes that the parent forwards. */
  readonly trace?: string
  /** For tests of a false KMS: the name that its certificate bears. */
  readonly certificateName?: string
  /** Options of the enclave's Node process. */
  readonly enclaveExecArgv?: readonly string[]
}

export interface Simulation {
  readonly enclave: EnclaveIdentity
  /** DER: the root under which this simulation's attestation documents verify. */
  readonly attestationRoot: Uint8Array
  /** The policy in force, as it was given. */
  readonly policy: unknown
  readonly processes: Readonly<Record<'enclave' | 'parentProxy' | 'kms', number>>
  /**
   * What an application of yours runs on here, in your own process: an NSM of the simulated enclave's identity with
   * registers of its own, the way to KMS through the parent proxy, and whom to trust.
   */
  readonly dependencies: Omit<Dependencies, 'onStep' | 'dial'> & {
    readonly dial: SimulatedDial
    /** The role's; asked again it gives those that are good by then. */
    readonly credentials: CredentialsProvider
    /** Registers that the policy pins to one value, in hex: for the diagnosis of a refusal. */
    readonly expectedPcrs?: Readonly<Record<number, string>>
  }
  /** An identity that may do everything, with its own way to KMS: `createKmsClient(simulation.administrator)`. */
  readonly administrator: {
    readonly region: string
    readonly credentials: CredentialsProvider
    readonly dial: SimulatedDial
    readonly trustAnchors: readonly string[]
  }
  /** What the enclave did at its start. */
  readonly started: readonly Step[]
  generateRandom(request: Omit<GenerateRandom, 'signal'>): Promise<AttestedRandom>
  /** Runs many calls and measures them. */
  load(load: Load): Promise<LoadReport>
  /** Makes KMS misbehave from now on; undefined cures it. */
  setFault(fault: Fault | undefined): Promise<void>
  /** The role's present credentials have expired for KMS; its providers give others when they are asked again. */
  expireCredentials(): Promise<void>
  /** What the parent proxy has seen so far. */
  parent(): Promise<ParentAccount>
  /** Ends the enclave, and tells all that the parent proxy saw of it, to the last byte. */
  endEnclave(): Promise<ParentAccount>
  /** Ends the parent proxy, as a crash would; later calls fail. */
  killParent(signal: NodeJS.Signals): void
  /** Ends all processes and removes their sockets. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type CredentialsProvider = Extract<KmsClientOptions['credentials'], (...args: never[]) => unknown>

type SimulatedDial = (options?: { readonly signal?: AbortSignal }) => net.Socket

const PORT = 8000
const CREDENTIALS_PORT = 8001

/** Throws UsageError for options that mean nothing, OperationError ERR_SIMULATOR when a process fails. */
export async function simulate(options: SimulateOptions = {}): Promise<Simulation> {
  const { region = 'us-east-1', state } = options
  const host = kmsHost(region)
  const kept = state === undefined ? undefined : await authorityIn(state, { region })
  const enclave = enclaveIdentity(options, kept?.instanceId)
  const policy =
    options.policy === undefined ? enclavePolicy(enclave.pcrs.get(0) ?? new Uint8Array()) : options.policy
  const expectedPcrs = pinnedRegisters(policy)
  const keyStores = readKeyStores(options.customKeyStores ?? {})
  const directory = await temporaryDirectory('nitro-enclave-')
  const children: Child[] = []
  const closing: (() => void)[] = []
  const close = async (): Promise<void> => {
    for (const end of closing) end()
    await Promise.all(children.map((child) => child.close()))
    await rm(directory, { recursive: true, force: true })
  }
  const begin = (name: string, file: string, execArgv?: readonly string[]): Child => {
    const child = startChild(name, new URL(file, import.meta.url), execArgv)
    children.push(child)
    return child
  }
  try {
    const kms = begin('KMS', './kms/process.js')
    const parent = begin('parent proxy', './parent-process.js')
    const inside = begin('enclave', './enclave-process.js', options.enclaveExecArgv)
    const { instanceId } = enclave
    const authority = kept ?? (await createInstanceAuthority({ region, instanceId, now: () => new Date() }))
    const [attestationRoot = new Uint8Array()] = authority.cabundle
    const socket = join(directory, 'kms.sock')
    const credentialsFile = join(directory, 'credentials.json')
    const [roleCredentials, administrator] = [newRoleCredentials(), newUserCredentials()]
    const ca = await kms.call<string>('start', {
      socket,
      region,
      role: { credentials: roleCredentials, session: instanceId, policy },
      administrator,
      keyStores,
      attestationRoot,
      ...(state !== undefined && { state }),
      ...(options.certificateName !== undefined && { certificateName: options.certificateName }),
    } satisfies KmsStart)
    const giveParent = (given: RoleCredentials) =>
      writeJsonFile(credentialsFile, JSON.parse(writeCredentials(given)))
    await giveParent(roleCredentials)
    const role = simulatedRole(roleCredentials, async (given) => {
      await kms.call('addRoleCredentials', given)
      await giveParent(given)
    })
    closing.push(role.close)
    await parent.call('start', {
      directory,
      port: PORT,
      credentials: { port: CREDENTIALS_PORT, path: credentialsFile },
      host,
      socket,
      ...(options.trace !== undefined && { trace: options.trace }),
    } satisfies ParentStart)
    const nsm = { ...enclave.measurements, authority, moduleId: enclave.moduleId }
    const trustAnchors = [ca]
    const started = await inside.call<readonly Step[]>('start', {
      nsm,
      directory,
      port: PORT,
      credentialsPort: CREDENTIALS_PORT,
      region,
      trustAnchors,
    } satisfies EnclaveStart)
    const transport = unixTransport(directory)
    return {
      enclave,
      dependencies: {
        nsm: createSimulatedNsm(nsm),
        dial: ({ signal } = {}) => connect({ cid: PARENT_CID, port: PORT, transport, signal }),
        region,
        credentials: role.provider,
        trustAnchors,
        ...(expectedPcrs && { expectedPcrs }),
      },
      administrator: {
        region,
        credentials: async () => ({ ...administrator }),
        dial: ({ signal } = {}) => net.connect({ path: socket, ...(signal && { signal }) }),
        trustAnchors,
      },
      attestationRoot,
      policy,
      processes: { enclave: inside.pid, parentProxy: parent.pid, kms: kms.pid },
      started,
      generateRandom: (request) => inside.call('generateRandom', request),
      load: (load) => inside.call('load', load),
      setFault: (fault) => kms.call('setFault', fault),
      expireCredentials: async () => {
        await role.renew()
        await kms.call('expireOlderCredentials')
      },
      parent: () => parent.call('account'),
      endEnclave: async () => {
        await inside.close()
        return parent.call('finalAccount')
      },
      killParent: (signal) => parent.kill(signal),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Throws UsageError ERR_IAM_POLICY for what is no policy. */
function pinnedRegisters(policy: unknown): Readonly<Record<number, string>> | undefined {
  const pinned = [...wantedPcrs(parsePolicy(policy))].flatMap(([index, values]) =>
    values.length === 1 && values[0] !== undefined ? [[index, values[0]] as const] : [],
  )
  return pinned.length === 0 ? undefined : Object.fromEntries(pinned)
}
