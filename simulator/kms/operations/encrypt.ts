import { dryRunSucceeded } from '../errors.js'
import { encrypt as encryptBlob } from '../keys/encryption.js'
import { findKey } from '../keys/key-lookup.js'
import { requireAlgorithm, requireUse } from '../keys/key-use.js'
import type { OperationContext } from '../operation.js'
import { readRequest } from '../request.js'
import { KEY_ID, readEncryptionAlgorithm, readGrantTokens } from '../request-members.js'

const OPERATION = 'Encrypt'

/** KMS API Reference, "Encrypt". */
export async function encrypt(input: unknown, ctx: OperationContext): Promise<object> {
  const { keyId, plaintext, encryptionContext, algorithm, dryRun } = readRequest(input, (r) => {
    readGrantTokens(r)
    return {
      keyId: r.required('KeyId', r.text('KeyId', KEY_ID)),
      plaintext: r.required('Plaintext', r.blob('Plaintext', { max: 4096 })),
      encryptionContext: r.map('EncryptionContext'),
      algorithm: readEncryptionAlgorithm(r),
      dryRun: r.flag('DryRun'),
    }
  })
  try {
    const key = findKey(ctx, keyId, { operation: OPERATION, aliases: true })
    requireUse(ctx, key, { operation: OPERATION, usage: 'ENCRYPT_DECRYPT', encryptionContext })
    requireAlgorithm(key, algorithm)
    const ciphertext = encryptBlob(key, algorithm, plaintext, encryptionContext)
    if (dryRun) throw dryRunSucceeded()
    return { CiphertextBlob: ciphertext.toString('base64'), KeyId: key.arn, EncryptionAlgorithm: algorithm }
  } finally {
    plaintext.fill(0)
  }
}
