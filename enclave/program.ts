/** The reference application in an enclave: configured by its image, asked by its parent. */
import { connect, kernelTransportWith, listen, type VsockTransport } from '../shared/vsock/index.js'
import { run } from './application.js'
import { type Configuration, readConfiguration } from './configuration.js'
import type { KmsClientOptions } from './kms/client.js'
import { identityOf, type PushedCredentials, pushedCredentials } from './kms/credentials.js'
import { fromParent } from './kms/parent-credentials.js'
import { openNsm } from './nsm/open.js'
import type { Nsm } from './nsm/requests.js'
import { serve } from './service.js'

/** Milliseconds. */
const CONNECT_TIMEOUT = 5_000

/** What an ordinary machine has others of. */
export interface Machine {
  readonly nsm: Nsm
  readonly transport: VsockTransport
  /** The enclave's own CID, where the transport needs one to listen. */
  readonly cid?: number
}

export interface Program {
  close(): void
}

/** Runs on the machine itself, by the files in `folder`; says on the console that it is ready, or why it is not. */
export async function startProgram(folder: URL): Promise<void> {
  try {
    const configuration = readConfiguration(folder)
    const { receiveWindow: window, region, kmsHost, controlPort } = configuration
    await serveParent(configuration, { nsm: await openNsm(), transport: kernelTransportWith({ window }) })
    process.stdout.write(`ready: ${kmsHost} (${region}), control port ${controlPort}\n`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    process.stderr.write(`the enclave cannot start: ${message}${code === undefined ? '' : ` (${code})`}\n`)
    process.exitCode = 1
  }
}

/** Throws what its parts throw at their start: UsageError, NsmError, OperationError. */
export async function serveParent(configuration: Configuration, machine: Machine): Promise<Program> {
  const { parentCid, proxyPort, controlPort, region, kmsHost, trustAnchors } = configuration
  const { nsm, transport, cid } = machine
  const { credentials, push } = credentialsOf(configuration, transport)
  const application = await run({
    nsm,
    dial: () => connect({ cid: parentCid, port: proxyPort, transport, timeout: CONNECT_TIMEOUT }),
    region,
    kmsHost,
    credentials,
    trustAnchors,
  })
  let calls = 0
  const server = await listen({ ...(cid !== undefined && { cid }), port: controlPort, transport }).catch(
    (error: unknown) => {
      application.close()
      throw error
    },
  )
  serve(server, {
    generateRandom: async (request) => {
      const random = await application.generateRandom(request)
      calls++
      return random
    },
    status: async () => ({
      moduleId: (await nsm.request({ type: 'DescribeNSM' })).moduleId,
      pcrs: await registersOf(nsm),
      region,
      kmsHost,
      parent: { cid: parentCid, port: proxyPort },
      calls,
      residentMemory: process.memoryUsage.rss(),
    }),
    setCredentials: push,
  })
  return {
    close: () => {
      server.close()
      application.close()
    },
  }
}

/** Those of the image, fetched from the parent, or pushed by it: one of the three. */
function credentialsOf(
  { parentCid, credentialsPort, testCredentials }: Configuration,
  transport: VsockTransport,
): { readonly credentials: KmsClientOptions['credentials']; readonly push?: PushedCredentials['push'] } {
  if (testCredentials !== undefined) return { credentials: identityOf(testCredentials) }
  if (credentialsPort !== undefined) {
    return { credentials: fromParent({ cid: parentCid, port: credentialsPort, transport }) }
  }
  const { provider, push } = pushedCredentials()
  return { credentials: provider, push }
}

/** What the image is, and who signed it. */
async function registersOf(nsm: Nsm): Promise<Record<string, string>> {
  const registers = [0, 1, 2, 8].map(async (index) => {
    const { data } = await nsm.request({ type: 'DescribePCR', index })
    return [index, Buffer.from(data).toString('hex')] as const
  })
  return Object.fromEntries(await Promise.all(registers))
}
