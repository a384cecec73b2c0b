import { describe, expect, it } from 'vitest'
import { DIAGNOSIS_CODES, type Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import { unusableKey } from '../../../../enclave/kms/diagnosis/key.js'

const diagnosisFor = (symptom: string) =>
  unusableKey({
    symptom,
    operation: 'Decrypt',
    client: { region: 'us-east-1', host: 'kms.us-east-1.amazonaws.com', expectedPcrs: undefined },
  } as Failure)

describe('a key that cannot do what is asked', () => {
  it.each([
    ['NotFoundException', 'KEY_NOT_FOUND', 'no such key or alias in us-east-1'],
    ['DisabledException', 'KEY_DISABLED', 'is disabled'],
    ['KMSInvalidStateException', 'KEY_STATE', 'waits for its deletion'],
    ['InvalidKeyUsageException', 'KEY_USAGE', 'another usage than Decrypt'],
    ['IncorrectKeyException', 'ANOTHER_KEY', 'The ciphertext belongs to another KMS key'],
    [
      'ERR_KMS_KEY_MISMATCH',
      'ANOTHER_KEY',
      'Whoever answers for kms.us-east-1.amazonaws.com used another KMS key',
    ],
    ['InvalidCiphertextException', 'INVALID_CIPHERTEXT', 'EncryptionContext'],
  ])('%s: %s', (symptom, code, words) => {
    expect(DIAGNOSIS_CODES).toContain(code)
    expect(diagnosisFor(symptom)).toMatchObject({ code, likely: expect.stringContaining(words) })
  })
  it('is none of other failures', () => {
    expect(diagnosisFor('AccessDeniedException')).toBeUndefined()
  })
})
