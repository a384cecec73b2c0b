/** The credentials of the simulated role, renewed before they expire or when a test wants it. */
import type { AwsCredentialIdentityProvider } from '@smithy/types'
import { newRoleCredentials, ROLE_SESSION, type RoleCredentials } from './kms/new-credentials.js'

export interface SimulatedRole {
  /** What createKmsClient takes: the present ones, at each call. */
  readonly provider: AwsCredentialIdentityProvider
  /** Others from now on. */
  renew(): Promise<void>
  /** Ends the timer that renews them. */
  close(): void
}

/** `spread` tells of new ones whoever has to know them. */
export function simulatedRole(
  first: RoleCredentials,
  spread: (credentials: RoleCredentials) => Promise<void>,
): SimulatedRole {
  let current = first
  const renew = async (): Promise<void> => {
    const next = newRoleCredentials()
    await spread(next)
    current = next
  }
  // Nobody waits for it; what failed is tried again.
  const timer = setInterval(() => void renew().catch(() => undefined), ROLE_SESSION / 2)
  timer.unref()
  return { provider: async () => ({ ...current }), renew, close: () => clearInterval(timer) }
}
