/** The KMS of a simulation, a process of its own: HTTPS on a Unix socket. */
import { once } from 'node:events'
import type { Server } from 'node:https'
import { join } from 'node:path'
import { kmsHost } from '../../enclave/kms/endpoint.js'
import { serveParent } from '../child.js'
import { lockFile } from '../state/lock.js'
import { createAccount, type KmsAccount, openAccount } from './account.js'
import { createFaults } from './faults.js'
import { administratorOf, roleSessionArn } from './identities.js'
import type { KeyStores } from './key-stores.js'
import type { RoleCredentials } from './new-credentials.js'
import { parsePolicy } from './policy/policy-document.js'
import type { Principal } from './policy/principal.js'
import { createKmsServer } from './server.js'
import type { Credentials } from './signature.js'
import { createTlsIdentity } from './tls.js'
import { documentsUnder } from './verify-document.js'

export interface KmsStart {
  readonly socket: string
  readonly region: string
  /** Where keys are kept; without, in memory. */
  readonly state?: string
  /** Of the enclave's role: its first credentials, the name of its session, its IAM policy document. */
  readonly role: {
    readonly credentials: RoleCredentials
    readonly session: string
    readonly policy: unknown
  }
  readonly administrator: Credentials
  readonly keyStores: KeyStores
  /** DER. */
  readonly attestationRoot: Uint8Array
  /** The host name that the certificate bears, where it is not to be KMS's: for tests of a false KMS. */
  readonly certificateName?: string
}

let server: Server | undefined
let lock: Awaited<ReturnType<typeof lockFile>> | undefined
/** The enclave's role, and who it is under each of its credentials. */
let role: Pick<Principal, 'arn' | 'policy'> | undefined
const sessions: Principal[] = []
const faults = createFaults()

/** Gives the PEM authority to trust. */
async function start(options: KmsStart): Promise<string> {
  const { socket, region, administrator, keyStores, attestationRoot } = options
  const host = kmsHost(region)
  const { ca, key, cert } = await createTlsIdentity([options.certificateName ?? host], new Date())
  const account = await accountOf(options)
  role = {
    arn: roleSessionArn(account, options.role.session),
    policy: parsePolicy(options.role.policy),
  }
  addRoleCredentials(options.role.credentials)
  const others = [administratorOf(account, administrator)]
  server = createKmsServer({
    key,
    cert,
    region,
    account,
    get principals() {
      return [...sessions, ...others]
    },
    keyStores,
    verify: documentsUnder(attestationRoot),
    faults: faults.next,
    // A KMS answers KMSInternalException and no more: the cause is for whoever runs the simulation.
    onError: (cause) => process.emitWarning(cause instanceof Error ? cause : String(cause)),
  })
  server.listen(socket)
  await once(server, 'listening')
  return ca
}

async function accountOf({ state, region }: KmsStart): Promise<KmsAccount> {
  if (state === undefined) return createAccount({ region })
  lock = await lockFile(join(state, 'kms.lock'))
  return openAccount({ region, file: join(state, 'account.json') })
}

/** Sessions: of those before the last so many KMS knows nothing any more. */
const REMEMBERED = 16

/** The role has these credentials, too, and from now on first of all. */
function addRoleCredentials({ expiration, ...credentials }: RoleCredentials): void {
  if (role === undefined) throw new RangeError('KMS has not been started')
  const { arn, policy } = role
  sessions.unshift({ credentials, expiration, arn, policy })
  sessions.splice(REMEMBERED)
}

/** All but the role's last credentials have expired. */
function expireOlderCredentials(): void {
  const expiration = new Date()
  sessions.push(...sessions.splice(1).map((one) => ({ ...one, expiration })))
}

async function end(): Promise<void> {
  server?.closeAllConnections()
  server?.close()
  await lock?.release()
}

serveParent({ start, addRoleCredentials, expireOlderCredentials, setFault: faults.set }, end)
