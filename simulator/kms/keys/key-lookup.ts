/**
 * Which key a KeyId names. Source: KMS API Reference, "KeyId"; KMS Developer Guide, "Key identifiers (KeyId)".
 * AWS does not publish the messages: these are as users of KMS report them.
 */
import type { AccountState } from '../account-state.js'
import { kmsArn, parseKmsArn } from '../arn.js'
import { accessDeniedElsewhere, invalidArn, type KmsError, notFound } from '../errors.js'
import type { OperationContext } from '../operation.js'
import { callerOf } from '../policy/caller.js'
import { ALIAS_PREFIX } from './alias-name.js'
import type { KmsKey } from './keys.js'

export interface LookupOptions {
  /** Such as `Decrypt`. */
  readonly operation: string
  /** Aliases are taken, too: by name and by ARN. */
  readonly aliases?: boolean
  /** The operation's page names InvalidArnException. */
  readonly arnErrors?: boolean
  /** Where to look: a change's draft; by default the account as it stands. */
  readonly state?: AccountState
}

const KEY_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Throws KmsError NotFoundException, InvalidArnException, or AccessDeniedException for another account's. */
export function findKey(ctx: OperationContext, keyId: string, options: LookupOptions): KmsKey {
  const { region } = ctx.account
  if (keyId.startsWith('arn:')) return findByArn(ctx, keyId, options)
  // Without an account the caller's own is meant.
  const scope = { region, accountId: callerOf(ctx.principal.arn).account }
  const isAlias = keyId.startsWith(ALIAS_PREFIX)
  if (isAlias ? !options.aliases : !KEY_ID.test(keyId)) throw notFound(`Invalid keyId ${keyId}`)
  const resource = isAlias ? keyId : `key/${keyId}`
  const key = scope.accountId === ctx.account.accountId ? byResource(ctx, resource, options) : undefined
  if (key === undefined) throw missing(kmsArn(scope, resource))
  return key
}

function findByArn(ctx: OperationContext, text: string, options: LookupOptions): KmsKey {
  const { region, accountId } = ctx.account
  const parsed = parseKmsArn(text)
  if (parsed === undefined) throw unusable(options, `Invalid arn ${text}`)
  const isAlias = parsed.resource.startsWith(ALIAS_PREFIX)
  if (isAlias && !options.aliases) throw unusable(options, 'Key Aliases are not supported for this operation')
  // Another partition has no region of ours.
  if (text !== kmsArn({ region, accountId: parsed.accountId }, parsed.resource)) {
    throw notFound(`Invalid arn ${parsed.region}`)
  }
  const key = parsed.accountId === accountId ? byResource(ctx, parsed.resource, options) : undefined
  if (key !== undefined) return key
  const own = callerOf(ctx.principal.arn).account
  throw parsed.accountId === own
    ? missing(text)
    : accessDeniedElsewhere(ctx.principal.arn, `kms:${options.operation}`, text)
}

function byResource(ctx: OperationContext, resource: string, options: LookupOptions): KmsKey | undefined {
  const { keys, aliases } = options.state ?? ctx.account
  const id = resource.startsWith(ALIAS_PREFIX) ? aliases.get(resource)?.target : resource.slice('key/'.length)
  return id === undefined ? undefined : keys.get(id)
}

function missing(arn: string): KmsError {
  return notFound(
    arn.includes(`:${ALIAS_PREFIX}`) ? `Alias ${arn} is not found.` : `Key '${arn}' does not exist`,
  )
}

function unusable({ arnErrors }: LookupOptions, message: string): KmsError {
  return arnErrors ? invalidArn(message) : notFound(message)
}
