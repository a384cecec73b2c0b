/**
 * The simulated KMS alone, on a TCP port of this machine, for AWS SDKs of every language. What it knows is in a folder:
 * keys, the administrator's credentials, the authorities of its TLS certificate and of attestation documents.
 */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { kmsHost } from '../../enclave/kms/endpoint.js'
import { writeWhole } from '../../image/output-file.js'
import { OperationError, UsageError } from '../../shared/errors.js'
import { authorityIn } from '../state/authority.js'
import { lockFile } from '../state/lock.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { openAccount } from './account.js'
import { administratorOf } from './identities.js'
import type { IamPolicy } from './policy/policy.js'
import { createKmsServer, createPlainKmsServer, type KmsOptions } from './server.js'
import { reachable, serviceNames } from './service-names.js'
import { type ServiceState, serviceStateIn } from './service-state.js'
import { issueServerCertificate } from './tls.js'
import { documentsUnder } from './verify-document.js'

export interface KmsServiceOptions extends Pick<KmsOptions, 'onCall' | 'onError'> {
  /** IP address and port; port 0: one that is free. */
  readonly listen: { readonly address: string; readonly port: number }
  /** Without TLS. */
  readonly plain?: boolean | undefined
  /** By default the folder's own, or `us-east-1`. */
  readonly region?: string | undefined
  /** Made when it is missing; without, a temporary one that goes with the service. */
  readonly directory?: string | undefined
  /** Of the administrator. */
  readonly policy: IamPolicy
  /** Further names that it is reached by. */
  readonly hostNames?: readonly string[] | undefined
}

export interface KmsService {
  readonly endpoint: string
  /** PEM files: of the TLS certificate's authority, and of the attestation documents' root. */
  readonly ca: string | null
  readonly attestationRoot: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly directory: string
  /** Takes no new calls, and lets those under way end within two seconds. */
  close(): Promise<void>
}

const DEFAULT_REGION = 'us-east-1'
/** Days: as long as browsers and their like take at most. */
const CERTIFICATE_LIFE = 397
/** Milliseconds for calls under way when the service ends. */
const PATIENCE = 2_000

/**
 * Throws UsageError ERR_USAGE for a folder that cannot be used, or that another process uses, and OperationError
 * ERR_SIMULATOR when it cannot listen.
 */
export async function startKmsService(options: KmsServiceOptions): Promise<KmsService> {
  // A bad region is refused before there is a folder.
  kmsHost(options.region ?? DEFAULT_REGION)
  const { directory: given } = options
  const directory =
    given === undefined ? await temporaryDirectory('nitro-enclave-kms-') : given && resolve(given)
  const cleaning: (() => Promise<void>)[] = []
  const clean = async (): Promise<void> => {
    for (const step of cleaning.splice(0).reverse()) await step()
  }
  if (given === undefined) cleaning.push(() => rm(directory, { recursive: true, force: true }))
  try {
    return await startIn(directory, options, cleaning, clean)
  } catch (error) {
    await clean()
    throw error
  }
}

async function startIn(
  directory: string,
  options: KmsServiceOptions,
  cleaning: (() => Promise<void>)[],
  clean: () => Promise<void>,
): Promise<KmsService> {
  const { listen, plain = false, policy } = options
  const authority = await authorityIn(directory, { region: options.region ?? DEFAULT_REGION })
  const lock = await lockFile(join(directory, 'kms.lock'))
  cleaning.push(() => lock.release())
  const state = await serviceStateIn(directory, options.region ?? authority.region, new Date())
  const region = checkRegion(directory, state, options.region)
  const { credentials } = state
  const hostNames = serviceNames(region, listen.address, options.hostNames)
  const account = await openAccount({ region, file: join(directory, 'account.json') })
  const [root = new Uint8Array()] = authority.cabundle
  const kms: KmsOptions = {
    region,
    account,
    principals: [administratorOf(account, credentials, policy)],
    verify: documentsUnder(root),
    hostNames,
    onCall: options.onCall,
    onError: options.onError,
  }
  const server = plain ? createPlainKmsServer(kms) : await tlsServer(kms, state, hostNames)
  const port = await listening(server, listen)
  cleaning.push(() => ended(server))
  const ca = join(directory, 'ca.pem')
  if (!plain) await writeWhole(ca, (file) => file.write(Buffer.from(state.tls.ca), 0))
  return {
    endpoint: `${plain ? 'http' : 'https'}://${reachable(listen.address)}:${port}`,
    ca: plain ? null : ca,
    attestationRoot: join(directory, 'attestation-root.pem'),
    ...credentials,
    region,
    directory,
    close: clean,
  }
}

/** Keys have their region in their ARNs: a folder stays in its own. */
function checkRegion(directory: string, state: ServiceState, asked: string | undefined): string {
  if (asked === undefined || asked === state.region) return state.region
  throw new UsageError(
    'ERR_USAGE',
    `the KMS in ${directory} is one of ${state.region}: give that region, or another folder`,
  )
}

async function tlsServer(
  kms: KmsOptions,
  { tls }: ServiceState,
  hostNames: readonly string[],
): Promise<TlsServer> {
  const certificate = await issueServerCertificate(tls, hostNames, new Date(), CERTIFICATE_LIFE)
  return createKmsServer({ ...kms, ...certificate })
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'it is no address of this machine',
  EACCES: 'permission denied',
}

async function listening(
  server: Server | TlsServer,
  { address, port }: KmsServiceOptions['listen'],
): Promise<number> {
  try {
    server.listen(port, address)
    await once(server, 'listening')
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    const where = `${address}, port ${port}`
    throw new OperationError('ERR_SIMULATOR', `cannot listen on ${where}: ${REASONS[code] ?? code}`)
  }
  return (server.address() as AddressInfo).port
}

async function ended(server: Server | TlsServer): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), PATIENCE)
  await closed
  clearTimeout(timer)
}
