import { type KmsKey, kindOf } from './keys.js'

/** KMS API Reference, "KeyMetadata". */
export function describeKey(accountId: string, key: KmsKey): object {
  const { usage } = kindOf(key.spec)
  return {
    AWSAccountId: accountId,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: seconds(key.created),
    Enabled: key.enabled,
    Description: key.description,
    KeyUsage: usage,
    KeyState: key.enabled ? 'Enabled' : 'Disabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    MultiRegion: false,
    ...algorithmsOf(key),
    ...(key.materialId !== undefined && { CurrentKeyMaterialId: key.materialId }),
  }
}

/** As in DescribeKey and GetPublicKey. */
export function algorithmsOf({ spec }: KmsKey): object {
  const { usage, encryptionAlgorithms } = kindOf(spec)
  return usage === 'KEY_AGREEMENT'
    ? { KeyAgreementAlgorithms: ['ECDH'] }
    : { EncryptionAlgorithms: encryptionAlgorithms }
}

/** Since 1970, as AWS JSON 1.1 has times. */
export function seconds(date: Date): number {
  return date.getTime() / 1000
}
