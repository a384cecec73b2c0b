import { expect, it } from 'vitest'
import { type KeyStoreState, requireKeyStore } from '../../../simulator/kms/key-stores.js'

const stores = new Map<string, KeyStoreState>([
  ['cks-on', 'connected'],
  ['cks-off', 'disconnected'],
  ['cks-out', 'external'],
])

it('lets a connected key store serve', () => {
  expect(() => requireKeyStore(stores, 'cks-on')).not.toThrow()
})

it.each([
  ['cks-none', 'CustomKeyStoreNotFoundException'],
  ['cks-off', 'CustomKeyStoreInvalidStateException'],
  ['cks-out', 'UnsupportedOperationException'],
])('refuses %s with %s', (id, name) => {
  expect(() => requireKeyStore(stores, id)).toThrow(expect.objectContaining({ name, status: 400 }))
})
