/** The simulated KMS on loopback TCP, under its real host name, and what a proxy and an enclave need to ask it. */
import { once } from 'node:events'
import net from 'node:net'
import { GenerateRandomCommand } from '@aws-sdk/client-kms'
import { onTestFinished } from 'vitest'
import { createKmsClient, type KmsClientOptions } from '../../enclave/kms/client.js'
import { kmsHost } from '../../enclave/kms/endpoint.js'
import { createRecipient } from '../../enclave/kms/recipient.js'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { createAccount } from '../../simulator/kms/account.js'
import { parsePolicy, pinningPolicy } from '../../simulator/kms/policy/policy-document.js'
import type { Principal } from '../../simulator/kms/policy/principal.js'
import { createKmsServer, type KmsOptions } from '../../simulator/kms/server.js'
import type { Credentials } from '../../simulator/kms/signature.js'
import { createTlsIdentity } from '../../simulator/kms/tls.js'
import { startDnsServer } from './dns-server.js'
import { simulated } from './simulated.js'

const REGION = 'us-east-1'
const CALLER = 'arn:aws:sts::123456789012:assumed-role/parent/i-simulated'

export const HOST = kmsHost(REGION)
const CREDENTIALS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session/token+of==the/enclave',
}

export const { nsm, root, identity } = await simulated()
const recipient = await createRecipient({ nsm })
const certificate = await createTlsIdentity([HOST], new Date())
const policy = parsePolicy(pinningPolicy(identity.pcrs.get(0) ?? new Uint8Array()))

export type KmsClient = ReturnType<typeof createKmsClient>

/** The enclave's client, as the SDK makes it. */
export const enclaveClient = (
  options: Partial<KmsClientOptions> & Pick<KmsClientOptions, 'dial'>,
): KmsClient => {
  const trust = { recipient, trustAnchors: [certificate.ca] }
  const client = createKmsClient({ region: REGION, credentials: CREDENTIALS, ...trust, ...options })
  onTestFinished(() => client.destroy())
  return client
}

/** An attested call: the bytes, opened in this process. */
export const random = async (client: KmsClient, length = 32): Promise<Uint8Array> => {
  const { Plaintext } = await client.send(new GenerateRandomCommand({ NumberOfBytes: length }))
  return Plaintext ?? new Uint8Array()
}

export interface LoopbackKms {
  /** For a proxy's configuration: where `to` leads to, and may. */
  readonly to: string
  readonly allowlist: readonly { readonly address: string; readonly port: number }[]
  readonly dns: { readonly servers: readonly string[] }
  /** From now on KMS knows these credentials only. */
  accept(credentials: Credentials): void
  /** Calls that KMS is deciding. */
  readonly undecided: number
  /** From now on KMS does not decide, until decide() or release(). */
  holdDecisions(): void
  decide(): void
  /** Connections on which a part of an answer is held. */
  readonly holding: number
  /** From now on so many bytes a connection come back, and no more until release(). */
  holdAnswers(after: number): void
  /** All that was held goes on. */
  release(): void
}

const closing = (server: net.Server, sockets: Set<net.Socket>) => {
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
}

const listening = async (server: net.Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

/** A relay that can stop passing answers on in the middle of one. */
const startRelay = async (upstreamPort: number) => {
  const sockets = new Set<net.Socket>()
  /** What is held of each connection. */
  const held = new Map<net.Socket, { left: number; bytes: Buffer[] }>()
  let limit = Number.POSITIVE_INFINITY
  const pass = (client: net.Socket, data: Buffer) => {
    const one = held.get(client) ?? { left: limit, bytes: [] }
    held.set(client, one)
    client.write(data.subarray(0, one.left))
    if (data.length > one.left) one.bytes.push(data.subarray(one.left))
    one.left = Math.max(0, one.left - data.length)
  }
  const server = net.createServer((client) => {
    const upstream = net.connect(upstreamPort, '127.0.0.1')
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    client.on('close', () => held.delete(client))
    client.on('data', (data) => upstream.write(data))
    upstream.on('data', (data: Buffer) => pass(client, data))
  })
  const port = await listening(server)
  closing(server, sockets)
  const set = (next: number) => {
    for (const [client, { bytes }] of held) client.write(Buffer.concat(bytes))
    held.clear()
    limit = next
  }
  return { port, set, holding: () => [...held.values()].filter(({ bytes }) => bytes.length > 0).length }
}

export interface LoopbackOptions extends Partial<Pick<KmsOptions, 'account' | 'faults'>> {
  /** Read at each call; by default the enclave's role alone, with what accept() was told last. */
  readonly principals?: () => readonly Principal[]
}

export const startLoopbackKms = async (options: LoopbackOptions = {}): Promise<LoopbackKms> => {
  let credentials: Credentials = CREDENTIALS
  let undecided = 0
  let decide: (() => void) | undefined
  let decided: Promise<void> | undefined
  const server = createKmsServer({
    key: certificate.key,
    cert: certificate.cert,
    region: REGION,
    account: options.account ?? createAccount({ region: REGION }),
    faults: options.faults,
    get principals() {
      return options.principals?.() ?? [{ credentials, arn: CALLER, policy }]
    },
    verify: async (document) => {
      undecided += 1
      await decided
      undecided -= 1
      return verifyAttestation(document, { roots: [root] })
    },
  })
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const relay = await startRelay(await listening(server))
  closing(server, sockets)
  const dns = await startDnsServer()
  dns.set(HOST, { A: { addresses: ['127.0.0.1'] } })
  const { port } = relay
  return {
    to: `${HOST}:${port}`,
    allowlist: [HOST, '127.0.0.1'].map((address) => ({ address, port })),
    dns: { servers: [dns.address] },
    accept: (others) => {
      credentials = others
    },
    get undecided() {
      return undecided
    },
    holdDecisions: () => {
      decided = new Promise((resolve) => {
        decide = resolve
      })
    },
    decide: () => decide?.(),
    get holding() {
      return relay.holding()
    },
    holdAnswers: relay.set,
    release: () => {
      decide?.()
      decided = undefined
      relay.set(Number.POSITIVE_INFINITY)
    },
  }
}
