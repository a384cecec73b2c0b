import { dryRunSucceeded, incorrectKey, invalidCiphertext, validation } from '../errors.js'
import { decrypt as decryptBlob } from '../keys/encryption.js'
import { findKey } from '../keys/key-lookup.js'
import { requireAlgorithm, requireUse } from '../keys/key-use.js'
import type { KmsKey } from '../keys/keys.js'
import { keyIdIn } from '../keys/symmetric-ciphertext.js'
import type { OperationContext } from '../operation.js'
import { answerSecret, materialIdFor, readRecipient, verifyRecipient } from '../recipient.js'
import { type RequestReader, readRequest } from '../request.js'
import { KEY_ID, readEncryptionAlgorithm, readGrantTokens } from '../request-members.js'

const OPERATION = 'Decrypt'

/** KMS API Reference, "Decrypt". */
export async function decrypt(input: unknown, ctx: OperationContext): Promise<object> {
  const request = readRequest(input, readDecrypt)
  const { ciphertext, algorithm, encryptionContext, dryRun } = request
  const recipient = await verifyRecipient(request.recipient, ctx.verify)
  const key = keyOf(ctx, request)
  requireUse(ctx, key, {
    operation: OPERATION,
    usage: 'ENCRYPT_DECRYPT',
    recipientPcrs: recipient?.pcrs,
    encryptionContext,
  })
  requireAlgorithm(key, algorithm)
  if (ciphertext === undefined || request.ignoreCiphertext) throw dryRunSucceeded()
  if (algorithm === 'SYMMETRIC_DEFAULT') requireOwnCiphertext(ctx, key, ciphertext)
  const plaintext = decryptBlob(key, algorithm, ciphertext, encryptionContext)
  if (dryRun) {
    plaintext.fill(0)
    throw dryRunSucceeded()
  }
  return {
    KeyId: key.arn,
    EncryptionAlgorithm: algorithm,
    ...(await answerSecret('Plaintext', plaintext, recipient, ctx)),
    ...materialIdFor(recipient, key.materialId),
  }
}

function readDecrypt(r: RequestReader) {
  readGrantTokens(r)
  const dryRun = r.flag('DryRun')
  const modifiers = r.manyOf('DryRunModifiers', { max: 1 }, ['IGNORE_CIPHERTEXT'])
  const ignoreCiphertext = dryRun && modifiers.includes('IGNORE_CIPHERTEXT')
  const ciphertext = r.blob('CiphertextBlob', { max: 6144 })
  return {
    dryRun,
    ignoreCiphertext,
    ciphertext: ignoreCiphertext ? ciphertext : r.required('CiphertextBlob', ciphertext),
    encryptionContext: r.map('EncryptionContext'),
    keyId: r.text('KeyId', KEY_ID),
    algorithm: readEncryptionAlgorithm(r),
    recipient: readRecipient(r),
  }
}

/** The key that is named, or the one that the ciphertext names. */
function keyOf(
  ctx: OperationContext,
  { keyId, algorithm, ciphertext }: ReturnType<typeof readDecrypt>,
): KmsKey {
  if (keyId !== undefined) return findKey(ctx, keyId, { operation: OPERATION, aliases: true })
  // invented: AWS does not publish this text
  if (algorithm !== 'SYMMETRIC_DEFAULT')
    throw validation('KeyId is required for a ciphertext of an asymmetric key')
  // invented: AWS does not publish this text
  if (ciphertext === undefined) throw validation('KeyId is required without CiphertextBlob')
  const key = ctx.account.keys.get(keyIdIn(ciphertext) ?? '')
  if (key === undefined) throw invalidCiphertext()
  return key
}

function requireOwnCiphertext(ctx: OperationContext, key: KmsKey, ciphertext: Uint8Array): void {
  const named = keyIdIn(ciphertext)
  if (named !== undefined && named !== key.id && ctx.account.keys.has(named)) throw incorrectKey()
}
