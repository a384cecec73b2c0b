/** The KMS of a simulation, a process of its own: HTTPS on a Unix socket. */
import { once } from 'node:events'
import type { Server } from 'node:https'
import { kmsHost } from '../../enclave/kms/endpoint.js'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { serveParent } from '../child.js'
import { dependencyTimeout, type KmsError, kmsInternal } from './errors.js'
import type { KeyStores } from './key-stores.js'
import type { Misbehaviour } from './operations.js'
import { parsePolicy } from './policy-document.js'
import { createKmsServer } from './server.js'
import type { Credentials } from './signature.js'
import { createTlsIdentity } from './tls.js'

export interface KmsStart {
  readonly socket: string
  readonly region: string
  readonly credentials: Credentials
  readonly callerArn: string
  /** An IAM policy document. */
  readonly policy: unknown
  readonly keyStores: KeyStores
  /** DER. */
  readonly attestationRoot: Uint8Array
  /** The host name that the certificate bears, where it is not to be KMS's: for tests of a false KMS. */
  readonly certificateName?: string
}

/** What can go wrong with a KMS, on demand. */
export type Fault = Misbehaviour | 'dependencyTimeout' | 'internal'

/** KMS refuses documents older than five minutes; in milliseconds. */
const MAX_DOCUMENT_AGE = 300_000

let server: Server | undefined
let fault: Fault | undefined

/** Gives the PEM authority to trust. */
async function start(options: KmsStart): Promise<string> {
  const { socket, region, credentials, callerArn, keyStores, attestationRoot } = options
  const host = kmsHost(region)
  const { ca, key, cert } = await createTlsIdentity([options.certificateName ?? host], new Date())
  server = createKmsServer({
    key,
    cert,
    region,
    credentials,
    callerArn,
    keyStores,
    policy: parsePolicy(options.policy),
    // A debug enclave's zeros are for the policy to refuse, as in the real KMS.
    verify: (document) =>
      verifyAttestation(document, { roots: [attestationRoot], maxAge: MAX_DOCUMENT_AGE, allowDebug: true }),
    faults: requested,
    // A KMS answers KMSInternalException and no more: the cause is for whoever runs the simulation.
    onError: (cause) => process.emitWarning(cause instanceof Error ? cause : String(cause)),
  })
  server.listen(socket)
  await once(server, 'listening')
  return ca
}

function requested(): KmsError | Misbehaviour | undefined {
  if (fault === 'dependencyTimeout') return dependencyTimeout()
  return fault === 'internal' ? kmsInternal() : fault
}

function setFault(next: Fault | undefined): void {
  fault = next
}

serveParent({ start, setFault }, () => {
  server?.closeAllConnections()
  server?.close()
})
