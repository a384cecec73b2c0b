import type { KmsKey } from './keys/keys.js'

export interface KmsAlias {
  /** `alias/…`. */
  readonly name: string
  /** ID of its key. */
  readonly target: string
  readonly created: Date
}

/** What an account has. */
export interface AccountState {
  /** By key ID. */
  readonly keys: ReadonlyMap<string, KmsKey>
  /** By name. */
  readonly aliases: ReadonlyMap<string, KmsAlias>
}

/** What a change works on: keys and aliases are replaced, never written to. */
export interface DraftState extends AccountState {
  readonly keys: Map<string, KmsKey>
  readonly aliases: Map<string, KmsAlias>
}
