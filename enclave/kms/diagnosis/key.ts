/** The call got as far as the KMS key, which cannot do what is asked. */
import type { Diagnosis, Failure } from './diagnosis.js'

type Explain = (failure: Failure) => Diagnosis

/** By KMS's `__type` (KMS API Reference, "Decrypt", "Errors"), and one code of this SDK. */
const EXPLAIN: ReadonlyMap<string, Explain> = new Map<string, Explain>([
  [
    'NotFoundException',
    ({ client }) => ({
      code: 'KEY_NOT_FOUND',
      likely: `There is no such key or alias in ${client.region} and in the account of the credentials.`,
      next: 'Check its name, the region and the account; a key of another account is named by its full ARN.',
    }),
  ],
  [
    'DisabledException',
    () => ({
      code: 'KEY_DISABLED',
      likely: 'The KMS key is disabled.',
      next: 'Enable it (EnableKey), or use another.',
    }),
  ],
  [
    'KMSInvalidStateException',
    () => ({
      code: 'KEY_STATE',
      likely: 'The KMS key waits for its deletion or for its key material, or is not available.',
      next: 'See KeyState in DescribeKey; CancelKeyDeletion brings back a key that waits for its deletion.',
    }),
  ],
  [
    'InvalidKeyUsageException',
    ({ operation }) => ({
      code: 'KEY_USAGE',
      likely: `The KMS key was made for another usage than ${operation}, or is of another kind.`,
      next: 'See KeyUsage and KeySpec in DescribeKey; neither can be changed: make a key for this usage.',
    }),
  ],
  [
    'IncorrectKeyException',
    () => ({
      code: 'ANOTHER_KEY',
      likely: 'The ciphertext belongs to another KMS key than the one that KeyId names.',
      next: 'Give the KeyId that it was made with. If it came through the parent, it may have been swapped on purpose.',
    }),
  ],
  [
    'ERR_KMS_KEY_MISMATCH',
    ({ client }) => ({
      code: 'ANOTHER_KEY',
      likely: `Whoever answers for ${client.host} used another KMS key than the one that KeyId names, as KMS never does.`,
      next: 'Find out who answers: an emulator of KMS may not heed KeyId, or know its keys by other ARNs.',
    }),
  ],
  [
    'InvalidCiphertextException',
    () => ({
      code: 'INVALID_CIPHERTEXT',
      likely:
        'The EncryptionContext is not the one that the ciphertext was made with (upper and lower case differ), or the ' +
        'ciphertext is damaged, or none of KMS.',
      next: 'Give the EncryptionContext of Encrypt or GenerateDataKey; see that the ciphertext came whole.',
    }),
  ],
])

export function unusableKey(failure: Failure): Diagnosis | undefined {
  return EXPLAIN.get(failure.symptom)?.(failure)
}
