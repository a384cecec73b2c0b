import { randomBytes } from 'node:crypto'
import { validation } from '../errors.js'
import { requireKeyStore } from '../key-stores.js'
import type { OperationContext } from '../operation.js'
import { authorize } from '../policy/authorize.js'
import { answerSecret, readRecipient, type SecretAnswer, verifyRecipient } from '../recipient.js'
import { readRequest } from '../request.js'

/** Bytes. */
const MAX_RANDOM = 1024

/**
 * KMS API Reference, "GenerateRandom". No key takes part: the identity policy alone decides. Validates the input,
 * then the attestation, then asks the policy, then the key store.
 */
export async function generateRandom(
  input: unknown,
  ctx: OperationContext,
): Promise<SecretAnswer<'Plaintext'>> {
  const request = readRequest(input, (r) => ({
    numberOfBytes: r.integer('NumberOfBytes', { max: MAX_RANDOM }),
    customKeyStoreId: r.text('CustomKeyStoreId', { max: 64 }),
    recipient: readRecipient(r),
  }))
  const { numberOfBytes, customKeyStoreId } = request
  if (numberOfBytes === undefined) throw validation('Please specify either number of bytes or key spec.')
  const recipient = await verifyRecipient(request.recipient, ctx.verify)
  authorize(ctx.principal, { action: 'kms:GenerateRandom', recipientPcrs: recipient?.pcrs }, ctx.onDenial)
  if (customKeyStoreId !== undefined) requireKeyStore(ctx.keyStores, customKeyStoreId)
  return answerSecret('Plaintext', randomBytes(numberOfBytes), recipient, ctx)
}
