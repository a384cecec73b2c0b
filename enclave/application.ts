/**
 * The reference application: one key pair, one KMS client, random bytes that only this enclave sees.
 * What it runs on is handed in: on a Nitro instance the device, vsock and Amazon's roots, in the simulator its own.
 */
import type { Socket } from 'node:net'
import type { Application } from './attested-random.js'
import type { KmsClientOptions } from './kms/client.js'
import { createRecipient, type Recipient } from './kms/recipient.js'
import type { Nsm } from './nsm/requests.js'

export type { Application, GenerateRandom } from './attested-random.js'

export interface Dependencies {
  readonly nsm: Nsm
  /** Opens a connection to the parent's proxy, on which TLS to KMS runs. */
  readonly dial: () => Socket
  /** Fixed at start, never taken from the parent. */
  readonly region: string
  readonly credentials: KmsClientOptions['credentials']
  /** Of KMS, also fixed; the region's own unless given. */
  readonly kmsHost?: string
  /** PEM; Amazon's own roots unless given. */
  readonly trustAnchors?: readonly string[]
  /** Opens the first connection while the key pair is made, for a first call that follows at once. */
  readonly connectAhead?: boolean
  /** Is told of each step, for an account of what happened. */
  readonly onStep?: (step: Step) => void
}

/** What happened, and how long it took in milliseconds. */
export type Step = { readonly duration: number } & (
  | { readonly name: 'keyPair'; readonly publicKey: Uint8Array }
  | { readonly name: 'attest'; readonly document: Uint8Array }
  | { readonly name: 'open'; readonly ciphertextForRecipient: Uint8Array }
  | { readonly name: 'call' }
)

export async function run(dependencies: Dependencies): Promise<Application> {
  const { nsm, onStep, dial, region, kmsHost, credentials, trustAnchors, connectAhead } = dependencies
  // First of all, on another thread. What takes long on this one, or over the network, goes on beside it.
  const making = makeKeyPair(nsm, onStep)
  const random = import('./attested-random.js').then(({ attestedRandom }) => {
    const recipient = { recipient: () => making }
    return attestedRandom({
      region,
      host: kmsHost,
      credentials,
      recipient,
      dial,
      trustAnchors,
      connectAhead,
    })
  })
  const { generateRandom, close } = await whenReady(random, making)
  return {
    async generateRandom(request) {
      const start = performance.now()
      const plaintext = await generateRandom(request)
      onStep?.({ name: 'call', duration: performance.now() - start })
      return plaintext
    },
    close: () => {
      close()
      nsm.close()
    },
  }
}

/** Without a key pair there are no calls: no connection is left open for them. */
async function whenReady(random: Promise<Application>, keyPair: Promise<unknown>): Promise<Application> {
  try {
    const [ready] = await Promise.all([random, keyPair])
    return ready
  } catch (error) {
    random.then(
      ({ close }) => close(),
      () => undefined,
    )
    throw error
  }
}

async function makeKeyPair(nsm: Nsm, onStep: Dependencies['onStep']): Promise<Recipient> {
  const start = performance.now()
  const recipient = await createRecipient({ nsm })
  if (onStep === undefined) return recipient
  onStep({ name: 'keyPair', publicKey: recipient.publicKey, duration: performance.now() - start })
  return observed(recipient, onStep)
}

function observed(recipient: Recipient, onStep: (step: Step) => void): Recipient {
  return {
    publicKey: recipient.publicKey,
    async attest(options) {
      const start = performance.now()
      const document = await recipient.attest(options)
      onStep({ name: 'attest', document, duration: performance.now() - start })
      return document
    },
    async open(ciphertextForRecipient, options) {
      const start = performance.now()
      const plaintext = await recipient.open(ciphertextForRecipient, options)
      onStep({ name: 'open', ciphertextForRecipient, duration: performance.now() - start })
      return plaintext
    },
    random: (length) => recipient.random(length),
  }
}
