/** Which of the account's identities signed a request. */
import { KmsError, unrecognizedClient } from './errors.js'
import type { Principal } from './policy/principal.js'
import { accessKeyIdOf, type SignedRequest, verifySignature } from './signature.js'

export interface AuthenticationOptions {
  readonly region: string
  readonly principals: readonly Principal[]
  readonly now: Date
}

/**
 * Throws KmsError UnrecognizedClientException for an access key or a session token that nobody has, InvalidSignatureException
 * and its like, and ExpiredTokenException for credentials that were good once.
 */
export async function authenticate(
  request: SignedRequest,
  { region, principals, now }: AuthenticationOptions,
): Promise<Principal> {
  const accessKeyId = accessKeyIdOf(request)
  const principal = principals.find(({ credentials }) => credentials.accessKeyId === accessKeyId)
  if (principal === undefined) throw unrecognizedClient()
  const { credentials, expiration } = principal
  await verifySignature(request, { region, credentials, now })
  if (expiration !== undefined && expiration <= now) throw expiredToken()
  return principal
}

function expiredToken(): KmsError {
  return new KmsError('ExpiredTokenException', 'The security token included in the request is expired')
}
