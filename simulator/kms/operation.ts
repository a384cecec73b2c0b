/** What an operation of the simulated KMS is: JSON in, JSON out, and what it may ask meanwhile. */
import type { KmsAccount } from './account.js'
import type { KeyStores } from './key-stores.js'
import type { Principal } from './policy/principal.js'

/** What a verified attestation document says. */
export interface VerifiedDocument {
  readonly document: {
    readonly pcrs: ReadonlyMap<number, Uint8Array>
    readonly publicKey?: Uint8Array | undefined
  }
}

/** Throws NitroEnclaveError for a document that is malformed, forged or too old. */
export type VerifyDocument = (document: Uint8Array) => Promise<VerifiedDocument>

/** How a hostile or outdated KMS answers a call that carries Recipient. */
export type Misbehaviour = 'ignoreRecipient' | 'wrongRecipient' | 'truncatedEnvelope'

export interface OperationContext {
  readonly account: KmsAccount
  /** Who calls. */
  readonly principal: Principal
  readonly verify: VerifyDocument
  readonly keyStores: KeyStores
  readonly misbehaviour?: Misbehaviour | undefined
  /** Told why a policy refused an enclave. */
  readonly onDenial?: ((hint: string) => void) | undefined
  readonly now: () => Date
}

/** Throws KmsError for whatever KMS refuses; blobs of the answer are base64, times are seconds since 1970. */
export type Operation = (input: unknown, context: OperationContext) => Promise<object>
