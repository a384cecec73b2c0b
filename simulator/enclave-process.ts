/** The enclave of a simulation, a process of its own: the reference application with a simulated NSM, dial and trust. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromParent } from '../enclave/kms/parent-credentials.js'
import { type Application, type Dependencies, type GenerateRandom, run, type Step } from '../enclave/main.js'
import { connect, PARENT_CID, unixTransport } from '../shared/vsock/index.js'
import { serveParent } from './child.js'
import { createSimulatedNsm, type SimulatedNsmOptions } from './nsm.js'

export interface EnclaveStart {
  readonly nsm: Omit<SimulatedNsmOptions, 'now' | 'fault'>
  /** Of the Unix sockets that stand for vsock. */
  readonly directory: string
  readonly port: number
  /** Of the parent's listener for the role's credentials. */
  readonly credentialsPort: number
  readonly region: string
  /** PEM. */
  readonly trustAnchors: readonly string[]
}

export interface AttestedRandom {
  readonly random: Uint8Array
  readonly steps: readonly Step[]
}

/** A load for measurements: `calls` of 32 bytes, `inFlight` at a time. */
export interface Load {
  readonly calls: number
  readonly inFlight: number
  /** False: the same client without Recipient, for comparison. */
  readonly attested: boolean
}

export interface LoadReport {
  /** Answers, in hex. */
  readonly answers: readonly string[]
  /** Milliseconds in all, and of CPU in this process. */
  readonly duration: number
  readonly cpu: number
  /** Bytes of live heap after it. */
  readonly heap: number
}

let dependencies: Dependencies | undefined
let application: Application | undefined
/** Each call's own steps, however many are in flight. */
const account = new AsyncLocalStorage<Step[]>()

async function start(options: EnclaveStart): Promise<readonly Step[]> {
  const { directory, port, credentialsPort, region, trustAnchors } = options
  const transport = unixTransport(directory)
  const credentials = fromParent({ port: credentialsPort, transport })
  dependencies = {
    nsm: createSimulatedNsm(options.nsm),
    dial: () => connect({ cid: PARENT_CID, port, transport }),
    region,
    credentials,
    trustAnchors,
  }
  const ready = { ...dependencies, onStep: (step: Step) => account.getStore()?.push(step) }
  const steps: Step[] = []
  // The first call shall not have to wait for credentials.
  const [started] = await Promise.all([account.run(steps, () => run(ready)), credentials()])
  application = started
  return steps
}

async function generateRandom(request: GenerateRandom): Promise<AttestedRandom> {
  const { generateRandom } = running(application)
  const steps: Step[] = []
  return { random: await account.run(steps, () => generateRandom(request)), steps }
}

async function load({ calls, inFlight, attested }: Load): Promise<LoadReport> {
  const generate = attested ? running(application) : await plainApplication(running(dependencies))
  const answers: string[] = []
  const begin = { time: performance.now(), cpu: process.cpuUsage() }
  let next = 0
  const worker = async (): Promise<void> => {
    while (next++ < calls) {
      const random = await generate.generateRandom({ numberOfBytes: 32 })
      answers.push(Buffer.from(random).toString('hex'))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const cpu = process.cpuUsage(begin.cpu)
  const duration = performance.now() - begin.time
  if (!attested) generate.close()
  return { answers, duration, cpu: (cpu.user + cpu.system) / 1000, heap: await liveHeap() }
}

/** The same client, host and TLS, without attestation. */
async function plainApplication(dependencies: Dependencies): Promise<Application> {
  const { region, credentials, dial, trustAnchors } = dependencies
  // Not with the file: the reference application loads the SDK while it makes its key.
  const [{ GenerateRandomCommand }, { createKmsClient }] = await Promise.all([
    import('@aws-sdk/client-kms'),
    import('../enclave/kms/client.js'),
  ])
  const kms = createKmsClient({ region, credentials, dial, ...(trustAnchors && { trustAnchors }) })
  return {
    async generateRandom({ numberOfBytes }) {
      const { Plaintext = new Uint8Array() } = await kms.send(
        new GenerateRandomCommand({ NumberOfBytes: numberOfBytes }),
      )
      return Plaintext
    },
    close: () => kms.destroy(),
  }
}

async function liveHeap(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await sleep(10)
  }
  return process.memoryUsage().heapUsed
}

function running<T>(started: T | undefined): T {
  if (started === undefined) throw new RangeError('the enclave has not been started')
  return started
}

serveParent({ start, generateRandom, load }, () => application?.close())
