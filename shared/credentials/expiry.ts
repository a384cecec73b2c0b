/** When credentials expire. */
import { OperationError } from '../errors.js'

/**
 * Milliseconds since 1970; Infinity where nothing is said. Throws OperationError ERR_CREDENTIALS, naming the `giver`,
 * for what is no date: compared with a clock it would never have passed.
 */
export function expiryOf(credentials: { readonly expiration?: Date | undefined }, giver: string): number {
  const expiration = credentials.expiration ?? Number.POSITIVE_INFINITY
  const time = expiration instanceof Date ? expiration.getTime() : expiration
  if (typeof time === 'number' && !Number.isNaN(time)) return time
  throw new OperationError('ERR_CREDENTIALS', `${giver} gave credentials whose expiration is no date`)
}
