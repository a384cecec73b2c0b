/** A simulated KMS over TLS on a Unix socket, with an enclave's role, an administrator, and a module to attest with. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateKeyCommand, type CreateKeyCommandInput, type KMSClient } from '@aws-sdk/client-kms'
import { onTestFinished } from 'vitest'
import type { Dial } from '../../../../enclave/kms/agent.js'
import { createKmsClient, type KmsClientOptions } from '../../../../enclave/kms/client.js'
import { kmsHost } from '../../../../enclave/kms/endpoint.js'
import { createRecipient, type Recipient } from '../../../../enclave/kms/recipient.js'
import { createAccount } from '../../../../simulator/kms/account.js'
import { administratorOf, EVERYTHING } from '../../../../simulator/kms/identities.js'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { createKmsServer, type KmsOptions } from '../../../../simulator/kms/server.js'
import { createTlsIdentity } from '../../../../simulator/kms/tls.js'
import { documentsUnder } from '../../../../simulator/kms/verify-document.js'
import { simulated } from '../../../support/simulated.js'

export const REGION = 'us-east-1'
export const HOST = kmsHost(REGION)
export const ROLE = 'arn:aws:sts::123456789012:assumed-role/enclave/i-simulated'
export const CREDENTIALS = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'planted/secret',
  sessionToken: 'planted//token==',
}
const ADMINISTRATOR = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'planted/administrator' }

export const ZERO = '00'.repeat(48)
export const OTHER = 'ab'.repeat(48)

/** One module and one key pair for all tests that need no other. */
export const module_ = await simulated()
export const recipient = await createRecipient(module_)
export const PCR0 = Buffer.from(module_.identity.pcrs.get(0) ?? []).toString('hex')

export const allow = (action: string, pcr0?: string): object => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: action,
      Resource: '*',
      ...(pcr0 && {
        Condition: { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': pcr0 } },
      }),
    },
  ],
})

export interface SimulatedKmsOptions
  extends Partial<Pick<KmsOptions, 'now' | 'faults' | 'verify' | 'hostNames'>> {
  /** Identity policy of the role; everything unless given. */
  readonly policy?: object
  /** Of the role's credentials. */
  readonly expiration?: Date
  /** When its certificate was made (it lives 30 days), and for which name. */
  readonly certified?: Date
  readonly name?: string
}

export interface SimulatedKms {
  readonly dial: Dial
  readonly ca: string
  /** The enclave's client; one attempt unless told otherwise. */
  client(options?: Partial<KmsClientOptions>): KMSClient
  readonly administrator: KMSClient
  /** Its ARN. */
  createKey(input?: CreateKeyCommandInput): Promise<string>
}

export async function startKms(options: SimulatedKmsOptions = {}): Promise<SimulatedKms> {
  const account = createAccount({ region: REGION })
  const policy = options.policy === undefined ? EVERYTHING : parsePolicy(options.policy)
  const role = { credentials: CREDENTIALS, arn: ROLE, policy, expiration: options.expiration }
  const { name = HOST, certified = new Date(), hostNames, now, faults } = options
  const identity = await createTlsIdentity([name], certified)
  const server = createKmsServer({
    key: identity.key,
    cert: identity.cert,
    region: REGION,
    account,
    principals: [role, administratorOf(account, ADMINISTRATOR)],
    verify: options.verify ?? documentsUnder(module_.root),
    hostNames,
    now,
    faults,
  })
  const directory = mkdtempSync(join(tmpdir(), 'kms-'))
  const path = join(directory, 's')
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined))
  })
  server.on('tlsClientError', () => undefined)
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
    rmSync(directory, { recursive: true })
  })
  const dial = () => net.connect(path)
  const client: SimulatedKms['client'] = (own = {}) =>
    clientOver(dial, { trustAnchors: [identity.ca], ...own })
  const administrator = client({ credentials: ADMINISTRATOR, recipient: undefined })
  return {
    dial,
    ca: identity.ca,
    client,
    administrator,
    createKey: async (input = {}) => {
      const { KeyMetadata } = await administrator.send(new CreateKeyCommand(input))
      return KeyMetadata?.Arn ?? ''
    },
  }
}

export function clientOver(dial: Dial | undefined, options: Partial<KmsClientOptions> = {}): KMSClient {
  const client = createKmsClient({
    region: REGION,
    credentials: CREDENTIALS,
    recipient,
    maxAttempts: 1,
    dial,
    ...options,
  })
  onTestFinished(() => client.destroy())
  return client
}

/** Of a module of its own. */
export const recipientOf = async (overrides: Parameters<typeof simulated>[0]): Promise<Recipient> =>
  createRecipient(await simulated({ ...overrides, authority: module_.authority }))
