/** What the operations have in common that make a data key and encrypt it under a KMS key. */
import { validation } from '../errors.js'
import type { OperationContext } from '../operation.js'
import type { Recipient } from '../recipient.js'
import type { RequestReader } from '../request.js'
import { KEY_ID, readGrantTokens } from '../request-members.js'
import { findKey } from './key-lookup.js'
import { requireSymmetric, requireUse } from './key-use.js'
import type { KmsKey } from './keys.js'
import type { EncryptionContext } from './symmetric-ciphertext.js'

/** Bytes. */
const LENGTHS = { AES_128: 16, AES_256: 32 } as const

export interface WrappingRequest {
  readonly keyId: string
  readonly encryptionContext: EncryptionContext | undefined
  readonly dryRun: boolean
}

export function readWrapping(r: RequestReader): WrappingRequest {
  readGrantTokens(r)
  return {
    keyId: r.required('KeyId', r.text('KeyId', KEY_ID)),
    encryptionContext: r.map('EncryptionContext'),
    dryRun: r.flag('DryRun'),
  }
}

export interface DataKeyLength {
  readonly numberOfBytes: number | undefined
  readonly keySpec: keyof typeof LENGTHS | undefined
}

export function readDataKeyLength(r: RequestReader): DataKeyLength {
  return {
    numberOfBytes: r.integer('NumberOfBytes', { max: 1024 }),
    keySpec: r.oneOf('KeySpec', ['AES_256', 'AES_128']),
  }
}

/** Bytes. Throws KmsError ValidationException unless exactly one of both is given. */
export function dataKeyLength({ numberOfBytes, keySpec }: DataKeyLength): number {
  const length = keySpec === undefined ? numberOfBytes : LENGTHS[keySpec]
  if (length === undefined || (keySpec !== undefined && numberOfBytes !== undefined)) {
    throw validation('Please specify either number of bytes or key spec.')
  }
  return length
}

/** The symmetric key that is to encrypt a data key. */
export function wrappingKey(
  ctx: OperationContext,
  { keyId, encryptionContext }: WrappingRequest,
  operation: string,
  recipient?: Recipient,
): KmsKey {
  const key = findKey(ctx, keyId, { operation, aliases: true })
  const recipientPcrs = recipient?.pcrs
  requireUse(ctx, key, { operation, usage: 'ENCRYPT_DECRYPT', recipientPcrs, encryptionContext })
  requireSymmetric(key, operation)
  return key
}
