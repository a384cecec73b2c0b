/**
 * Which KMS key was asked for, and which one answered. The parent gives the credentials, and so may choose the
 * account: what an alias means there is its owner's to say.
 */
import { OperationError, UsageError } from '../../shared/errors.js'

/** arn:PARTITION:kms:REGION:ACCOUNT:key/ID (Service Authorization Reference, "AWS Key Management Service"). */
const KEY_ARN = /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/
/**
 * An alias, and all of its ARN that is its key's, too: both are of one account and Region (KMS API Reference,
 * "CreateAlias").
 */
const ALIAS = /^(arn:[^:]+:kms:[^:]*:[^:]*:)?alias\//

/** By what the inputs of the KMS API name KMS keys (KMS API Reference, "Actions"). */
const MEMBERS = ['KeyId', 'SourceKeyId', 'DestinationKeyId', 'TargetKeyId'] as const

/**
 * Throws UsageError ERR_USAGE unless all that `input` names is one key of one account for ever; with `keyed` there must
 * be a KeyId.
 */
export function requireFullArns(
  operation: string,
  input: Readonly<Record<string, unknown>>,
  keyed = false,
): void {
  for (const member of MEMBERS) {
    const given = input[member] ?? undefined
    const missing = given === undefined
    if (missing && !(keyed && member === 'KeyId')) continue
    if (typeof given === 'string' && KEY_ARN.test(given)) continue
    throw new UsageError(
      'ERR_USAGE',
      `${operation}: ${member} is ${missing ? 'missing' : 'not a key ARN'}, and requireKeyArn is set: ` +
        'give arn:aws:kms:REGION:ACCOUNT:key/ID',
    )
  }
}

/**
 * Holds the answer's KeyId, which is always a key ARN, to the one asked for: equal to an ARN, ending with a bare id, in
 * the account and Region of an alias ARN. An alias name, or none at all, cannot be checked. Throws OperationError
 * ERR_KMS_KEY_MISMATCH.
 */
export function checkAnsweringKey(operation: string, asked: unknown, answered: unknown): void {
  // As JSON has it: whatever its type, it is sent as text.
  if (asked === undefined || asked === null || isOf(String(asked), String(answered))) return
  throw new OperationError(
    'ERR_KMS_KEY_MISMATCH',
    `${operation}: another KMS key answered than the one that KeyId names`,
  )
}

function isOf(asked: string, answered: string): boolean {
  const alias = ALIAS.exec(asked)
  if (alias !== null) return alias[1] === undefined || answered.startsWith(`${alias[1]}key/`)
  return asked.startsWith('arn:') ? answered === asked : answered.endsWith(`:key/${asked}`)
}
