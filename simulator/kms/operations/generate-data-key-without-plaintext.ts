import { randomBytes } from 'node:crypto'
import { dryRunSucceeded } from '../errors.js'
import { sealSymmetric } from '../keys/symmetric-ciphertext.js'
import { dataKeyLength, readDataKeyLength, readWrapping, wrappingKey } from '../keys/wrapping.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'

/** KMS API Reference, "GenerateDataKeyWithoutPlaintext". Takes no Recipient: there is nothing to seal. */
export async function generateDataKeyWithoutPlaintext(
  input: unknown,
  ctx: OperationContext,
): Promise<object> {
  const request = readRequest(input, (r) => ({ ...readWrapping(r), ...readDataKeyLength(r) }))
  const length = dataKeyLength(request)
  const key = wrappingKey(ctx, request, 'GenerateDataKeyWithoutPlaintext')
  if (request.dryRun) throw dryRunSucceeded()
  const plaintext = randomBytes(length)
  try {
    const ciphertext = sealSymmetric(key, plaintext, request.encryptionContext ?? {})
    return { CiphertextBlob: ciphertext.toString('base64'), KeyId: key.arn, KeyMaterialId: key.materialId }
  } finally {
    plaintext.fill(0)
  }
}
