import { randomBytes } from 'node:crypto'
import { dryRunSucceeded } from '../errors.js'
import { sealSymmetric } from '../keys/symmetric-ciphertext.js'
import { dataKeyLength, readDataKeyLength, readWrapping, wrappingKey } from '../keys/wrapping.js'
import type { OperationContext } from '../operation.js'
import { answerSecret, materialIdFor, readRecipient, verifyRecipient } from '../recipient.js'
import { readRequest } from '../request.js'

/** KMS API Reference, "GenerateDataKey". With a Recipient the answer has CiphertextBlob all the same. */
export async function generateDataKey(input: unknown, ctx: OperationContext): Promise<object> {
  const request = readRequest(input, (r) => ({
    ...readWrapping(r),
    ...readDataKeyLength(r),
    recipient: readRecipient(r),
  }))
  const length = dataKeyLength(request)
  const recipient = await verifyRecipient(request.recipient, ctx.verify)
  const key = wrappingKey(ctx, request, 'GenerateDataKey', recipient)
  if (request.dryRun) throw dryRunSucceeded()
  const plaintext = randomBytes(length)
  const ciphertext = sealSymmetric(key, plaintext, request.encryptionContext ?? {})
  return {
    CiphertextBlob: ciphertext.toString('base64'),
    KeyId: key.arn,
    ...(await answerSecret('Plaintext', plaintext, recipient, ctx)),
    ...materialIdFor(recipient, key.materialId),
  }
}
