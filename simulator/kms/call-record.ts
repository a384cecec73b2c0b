/** What may be told of a call: who asked what of which key, and how it ended. Never a body, never a secret. */
import { withoutControls } from '../../shared/printable.js'

export interface CallRecord {
  readonly requestId: string
  /** `Decrypt`; absent when none was named that is here. */
  readonly operation?: string | undefined
  /** ARN of the key where the answer tells it, otherwise as the caller named it. */
  readonly key?: string | undefined
  /** ARN of who signed; absent when that is not known. */
  readonly principal?: string | undefined
  readonly status: number
  /** `OK`, or the name of KMS's exception. */
  readonly outcome: string
  /** For whoever runs the simulator: what the policies would have wanted of a refused enclave. */
  readonly hints: readonly string[]
}

/** Characters. An ARN of an alias has at most some 320. */
const MAX_KEY = 400

/** The key of a call, from its answer or from its request. */
export function keyOf(input: object | undefined, output: object | undefined): string | undefined {
  const told = output as { KeyId?: unknown; KeyMetadata?: { Arn?: unknown } } | undefined
  const asked = input as { KeyId?: unknown; TargetKeyId?: unknown; AliasName?: unknown } | undefined
  const names = [told?.KeyMetadata?.Arn, told?.KeyId, asked?.KeyId, asked?.TargetKeyId, asked?.AliasName]
  const name = names.find((one) => typeof one === 'string')
  return typeof name === 'string' ? withoutControls(name.slice(0, MAX_KEY)) : undefined
}
