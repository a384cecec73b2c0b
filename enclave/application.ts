/**
 * The reference application: one key pair, one KMS client, random bytes that only this enclave sees.
 * What it runs on is handed in: on a Nitro instance the device, vsock and Amazon's roots, in the simulator its own.
 */
import type { Socket } from 'node:net'
import { OperationError } from '../shared/errors.js'
import type { KmsClientOptions } from './kms/client.js'
import { createRecipient, type Recipient } from './kms/recipient.js'
import type { Nsm } from './nsm/requests.js'

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

export interface GenerateRandom {
  /** 1 to 1,024. */
  readonly numberOfBytes: number
  readonly customKeyStoreId?: string
  readonly signal?: AbortSignal
}

export interface Application {
  /** Random bytes from KMS, opened here. Throws KMS's own exceptions and OperationError. */
  generateRandom(request: GenerateRandom): Promise<Uint8Array>
  close(): void
}

export async function run(dependencies: Dependencies): Promise<Application> {
  const { nsm, onStep } = dependencies
  // The key is made on another thread while the SDK loads on this one.
  const [keyPair, { GenerateRandomCommand }, { createKmsClient }] = await Promise.all([
    makeKeyPair(nsm, onStep),
    import('@aws-sdk/client-kms'),
    import('./kms/client.js'),
  ])
  const { dial, region, kmsHost, credentials, trustAnchors } = dependencies
  const recipient = onStep ? observed(keyPair, onStep) : keyPair
  const kms = createKmsClient({ region, host: kmsHost, credentials, recipient, dial, trustAnchors })
  return {
    async generateRandom({ numberOfBytes, customKeyStoreId, signal }) {
      const start = performance.now()
      const command = new GenerateRandomCommand({
        NumberOfBytes: numberOfBytes,
        ...(customKeyStoreId !== undefined && { CustomKeyStoreId: customKeyStoreId }),
      })
      const { Plaintext } = await kms.send(command, signal ? { abortSignal: signal } : {})
      if (Plaintext === undefined)
        throw new OperationError('ERR_KMS_IGNORED_RECIPIENT', 'KMS answered without bytes')
      onStep?.({ name: 'call', duration: performance.now() - start })
      return Plaintext
    },
    close: () => {
      kms.destroy()
      nsm.close()
    },
  }
}

async function makeKeyPair(nsm: Nsm, onStep: Dependencies['onStep']): Promise<Recipient> {
  const start = performance.now()
  const recipient = await createRecipient({ nsm })
  onStep?.({ name: 'keyPair', publicKey: recipient.publicKey, duration: performance.now() - start })
  return recipient
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
  }
}
