import { UsageError } from '../../shared/errors.js'
import { customKeyStoreInvalidState, customKeyStoreNotFound, unsupportedOperation } from './errors.js'

/** State of a custom key store: a CloudHSM cluster (connected or not), or a store outside AWS. */
export type KeyStoreState = 'connected' | 'disconnected' | 'external'

/** The account's custom key stores, by their CustomKeyStoreId. */
export type KeyStores = ReadonlyMap<string, KeyStoreState>

const STATES: readonly unknown[] = ['connected', 'disconnected', 'external'] satisfies KeyStoreState[]

/** Throws UsageError ERR_USAGE for a state that there is not. */
export function readKeyStores(states: Readonly<Record<string, KeyStoreState>>): KeyStores {
  for (const [id, state] of Object.entries(states)) {
    if (STATES.includes(state)) continue
    throw new UsageError(
      'ERR_USAGE',
      `customKeyStores: ${id} is ${String(state)}, not one of ${STATES.join(', ')}`,
    )
  }
  return new Map(Object.entries(states))
}

/**
 * Refuses a custom key store that cannot give random bytes.
 * Throws KmsError CustomKeyStoreNotFoundException, CustomKeyStoreInvalidStateException or
 * UnsupportedOperationException (GenerateRandom takes no external key store: KMS API reference).
 */
export function requireKeyStore(stores: KeyStores, id: string): void {
  const state = stores.get(id)
  if (state === undefined) throw customKeyStoreNotFound(id)
  if (state === 'disconnected') throw customKeyStoreInvalidState(id)
  // invented: AWS does not publish this text
  if (state === 'external') throw unsupportedOperation(`Key store ${id} is external: it has no random bytes`)
}
