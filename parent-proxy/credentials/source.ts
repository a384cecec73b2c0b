/** Where the parent's credentials come from: one file a source. */
import type { AwsCredentialIdentity } from '@smithy/types'
import { type Credentials, checkedCredentials } from '../../shared/credentials/container-shape.js'
import { OperationError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'

export interface CredentialsSource {
  /** For messages: `the instance metadata service`. */
  readonly giver: string
  /** Rejects with OperationError ERR_CREDENTIALS. What it gives may have expired. */
  fetch(signal: AbortSignal): Promise<Credentials>
  /** Whether the last ones are others by now. */
  changed?(): Promise<boolean>
}

/** What an SDK's provider gave, held to the same rules as a file. */
export const fromIdentity = (identity: AwsCredentialIdentity, giver: string): Credentials => {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = identity
  const value = {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    // Not toISOString(), which throws for a date that is none; this one is refused.
    ...(expiration !== undefined && { Expiration: expiration.toJSON() }),
  }
  return checkedCredentials(value, giver)
}

/**
 * An SDK's failure in our words. Its own message and its `cause` are left out: they may show what was read, or what
 * was signed. `hint`: what to do.
 */
export const credentialsError = (giver: string, error: unknown, hint?: string): OperationError => {
  if (error instanceof OperationError) return error
  const { name, code, statusCode, $metadata } = (error ?? {}) as {
    readonly name?: string
    readonly code?: unknown
    readonly statusCode?: number
    readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
  }
  const status = statusCode ?? $metadata?.httpStatusCode
  const details = [
    typeof code === 'string' ? code : name === 'SyntaxError' ? 'not JSON' : shown(name),
    ...(status === undefined ? [] : [`HTTP ${status}`]),
    ...($metadata?.requestId === undefined ? [] : [`request ${shown($metadata.requestId)}`]),
  ]
  const words = `${giver} gave no credentials (${details.join(', ')})`
  return new OperationError('ERR_CREDENTIALS', hint === undefined ? words : `${words}: ${hint}`)
}
