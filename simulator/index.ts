/**
 * `nitro-enclave-sdk/simulator`: an enclave, its parent instance and KMS as three processes on an ordinary machine.
 * Real documents, real TLS, real envelopes, real policy checks, under trust anchors of the simulation's own.
 */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { kmsHost } from '../enclave/kms/endpoint.js'
import type { Dependencies, GenerateRandom, Step } from '../enclave/main.js'
import { connect, PARENT_CID, unixTransport } from '../shared/vsock/index.js'
import { createInstanceAuthority } from './authority.js'
import { type Child, startChild } from './child.js'
import type { AttestedRandom, EnclaveStart, Load, LoadReport } from './enclave-process.js'
import { type EnclaveIdentity, enclaveIdentity, type IdentityOptions } from './identity.js'
import type { KeyStoreState } from './kms/key-stores.js'
import { parsePolicy, pinningPolicy } from './kms/policy-document.js'
import type { Fault, KmsStart } from './kms/process.js'
import { createSimulatedNsm } from './nsm.js'
import type { ParentAccount, ParentStart } from './parent-process.js'
import { temporaryDirectory } from './temporary-directory.js'

export { type ErrorReport, ReportedError } from './child.js'
export type { KeyStoreState } from './kms/key-stores.js'
export type { AttestedRandom, Dependencies, EnclaveIdentity, Fault, Load, LoadReport, ParentAccount, Step }

export interface SimulateOptions extends IdentityOptions {
  /** The IAM policy of the caller, a document or its JSON text; by default one that pins the simulated PCR0. */
  readonly policy?: unknown
  /** Custom key stores by their id. */
  readonly customKeyStores?: Readonly<Record<string, KeyStoreState>>
  /** `us-east-1` unless given. */
  readonly region?: string
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
  readonly credentials: EnclaveStart['credentials']
  readonly processes: Readonly<Record<'enclave' | 'parentProxy' | 'kms', number>>
  /**
   * What an application of yours runs on here, in your own process: an NSM of the simulated enclave's identity with
   * registers of its own, the way to KMS through the parent proxy, and whom to trust.
   */
  readonly dependencies: Omit<Dependencies, 'onStep'>
  /** What the enclave did at its start. */
  readonly started: readonly Step[]
  generateRandom(request: Omit<GenerateRandom, 'signal'>): Promise<AttestedRandom>
  /** Runs many calls and measures them. */
  load(load: Load): Promise<LoadReport>
  /** Makes KMS misbehave from now on; undefined cures it. */
  setFault(fault: Fault | undefined): Promise<void>
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

const PORT = 8000
const CALLER = 'arn:aws:sts::123456789012:assumed-role/simulated-enclave'

/** Throws UsageError for options that mean nothing, OperationError ERR_SIMULATOR when a process fails. */
export async function simulate(options: SimulateOptions = {}): Promise<Simulation> {
  const { region = 'us-east-1' } = options
  const host = kmsHost(region)
  const enclave = enclaveIdentity(options)
  const policy =
    options.policy === undefined ? pinningPolicy(enclave.pcrs.get(0) ?? new Uint8Array()) : options.policy
  parsePolicy(policy)
  const directory = await temporaryDirectory('nitro-enclave-')
  const children: Child[] = []
  const close = async (): Promise<void> => {
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
    const authority = await createInstanceAuthority({
      region,
      instanceId: enclave.instanceId,
      now: () => new Date(),
    })
    const [attestationRoot = new Uint8Array()] = authority.cabundle
    const socket = join(directory, 'kms.sock')
    const credentials = temporaryCredentials()
    const ca = await kms.call<string>('start', {
      socket,
      region,
      credentials,
      callerArn: `${CALLER}/${enclave.instanceId}`,
      policy,
      keyStores: new Map(Object.entries(options.customKeyStores ?? {})),
      attestationRoot,
      ...(options.certificateName !== undefined && { certificateName: options.certificateName }),
    } satisfies KmsStart)
    await parent.call('start', {
      directory,
      port: PORT,
      host,
      socket,
      ...(options.trace !== undefined && { trace: options.trace }),
    } satisfies ParentStart)
    const nsm = { ...enclave.measurements, authority, moduleId: enclave.moduleId }
    const started = await inside.call<readonly Step[]>('start', {
      nsm,
      directory,
      port: PORT,
      region,
      credentials,
      trustAnchors: [ca],
    } satisfies EnclaveStart)
    return {
      enclave,
      dependencies: {
        nsm: createSimulatedNsm(nsm),
        dial: () => connect({ cid: PARENT_CID, port: PORT, transport: unixTransport(directory) }),
        region,
        credentials,
        trustAnchors: [ca],
      },
      attestationRoot,
      policy,
      credentials,
      processes: { enclave: inside.pid, parentProxy: parent.pid, kms: kms.pid },
      started,
      generateRandom: (request) => inside.call('generateRandom', request),
      load: (load) => inside.call('load', load),
      setFault: (fault) => kms.call('setFault', fault),
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

/** Random, and known to this simulation's KMS and enclave only. */
function temporaryCredentials(): EnclaveStart['credentials'] {
  return {
    accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(96).toString('base64'),
  }
}
