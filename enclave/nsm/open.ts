/** The Nitro Secure Module of this enclave. */
import { loadNative, type Native } from '../../native/index.js'
import { openDevice } from './device.js'
import { feedEntropy } from './entropy.js'
import { nsmOver } from './exchange.js'
import type { Nsm } from './requests.js'

/**
 * Opens /dev/nsm and feeds the kernel's random pool from it. `close()` lets the requests made before it end.
 *
 * Throws NsmError ERR_NSM_UNAVAILABLE outside an enclave, without permission and without the native addon;
 * ERR_NSM_DEVICE and ERR_NSM_INVALID_RESPONSE for a module that does not work; OperationError ERR_ENTROPY. Requests
 * throw what the module refuses with, ERR_NSM_INVALID_RESPONSE, ERR_NSM_INPUT_TOO_LARGE, ERR_NSM_DEVICE with the
 * system's error as `cause` (ETIMEDOUT after 120 s), and ERR_NSM_CLOSED after `close()`.
 */
export async function openNsm(): Promise<Nsm> {
  return openNsmOn({ path: '/dev/nsm', randomPath: '/dev/random', loadNative })
}

export interface Machine {
  readonly path: string
  readonly randomPath: string
  readonly loadNative: () => Native
}

/** openNsm() on other paths, for tests: not part of the public face. */
export async function openNsmOn({ path, randomPath, loadNative }: Machine): Promise<Nsm> {
  const nsm = nsmOver(openDevice({ path, loadNative }))
  try {
    await feedEntropy(nsm, { native: loadNative(), path: randomPath })
    return nsm
  } catch (error) {
    nsm.close()
    throw error
  }
}
