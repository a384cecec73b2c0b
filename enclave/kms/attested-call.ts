/** What may be known afterwards of an attested call, for those who explain why it failed. Nothing in it is secret. */
import type { HandlerExecutionContext } from '@smithy/types'

export interface AttestedCall {
  /** By the KMS API's own name, such as `Decrypt`. */
  readonly operation: string
  /** DER SubjectPublicKeyInfo that the document attests. */
  readonly publicKey: Uint8Array
  /** The attestation document that went with the call; with its second attempt, if there was one. */
  readonly document: Uint8Array
  /** What KMS answered, as soon as it did. */
  ciphertextForRecipient?: Uint8Array
}

/** By the context that the SDK makes for each `send`. */
const calls = new WeakMap<HandlerExecutionContext, AttestedCall>()

/** The attested call of this context, `undefined` when there is none (yet). */
export function attestedCall(context: HandlerExecutionContext): AttestedCall | undefined {
  return calls.get(context)
}

/** For the middleware alone, before it sends. */
export function recordAttestedCall(context: HandlerExecutionContext, call: AttestedCall): void {
  calls.set(context, call)
}

/** For the middleware alone, before it opens. */
export function recordAnswer(context: HandlerExecutionContext, ciphertextForRecipient: Uint8Array): void {
  const call = calls.get(context)
  if (call !== undefined) call.ciphertextForRecipient = ciphertextForRecipient
}
