/** KMS keys: their kinds and their material. Source: KMS API Reference, "CreateKey" and "KeyMetadata". */
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  randomUUID,
} from 'node:crypto'
import { promisify } from 'node:util'
import { type ArnScope, kmsArn } from '../arn.js'
import type { KeyPolicy } from '../policy/key-policy.js'

const pair = promisify(generateKeyPair)

export type KeyUsage = 'ENCRYPT_DECRYPT' | 'KEY_AGREEMENT'
export type EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' | 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256'

interface Kind {
  readonly usage: KeyUsage
  readonly encryptionAlgorithms: readonly EncryptionAlgorithm[]
  /** Of an asymmetric key; the algorithms of node:crypto. */
  readonly pair?:
    | { readonly type: 'rsa'; readonly bits: number }
    | { readonly type: 'ec'; readonly curve: string }
}

const rsa = (bits: number): Kind => ({
  usage: 'ENCRYPT_DECRYPT',
  encryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  pair: { type: 'rsa', bits },
})
const agreement = (curve: string): Kind => ({
  usage: 'KEY_AGREEMENT',
  encryptionAlgorithms: [],
  pair: { type: 'ec', curve },
})

/** Those of which some operation here has a use, with the one usage that it has. */
const KINDS = {
  SYMMETRIC_DEFAULT: { usage: 'ENCRYPT_DECRYPT', encryptionAlgorithms: ['SYMMETRIC_DEFAULT'] },
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: agreement('prime256v1'),
  ECC_NIST_P384: agreement('secp384r1'),
  ECC_NIST_P521: agreement('secp521r1'),
} as const satisfies Record<string, Kind>

export type KeySpec = keyof typeof KINDS

export const KEY_SPECS = Object.keys(KINDS) as readonly KeySpec[]

export function kindOf(spec: KeySpec): Kind {
  return KINDS[spec]
}

export interface KmsKey {
  readonly id: string
  readonly arn: string
  readonly spec: KeySpec
  readonly description: string
  readonly enabled: boolean
  readonly created: Date
  /** As it was given, and as it was understood. */
  readonly policyText: string
  readonly policy: KeyPolicy
  /** Secret (32 bytes) or private. Neither util.inspect nor JSON shows a KeyObject's content. */
  readonly material: KeyObject
  /** KeyMaterialId of a symmetric key: 64 hex digits. */
  readonly materialId?: string | undefined
}

/** A new key, enabled. RSA takes up to seconds. */
export async function createKey(
  scope: ArnScope,
  given: Pick<KmsKey, 'id' | 'spec' | 'description' | 'created' | 'policyText' | 'policy'>,
): Promise<KmsKey> {
  const { id, spec } = given
  const material = await createMaterial(spec)
  const materialId = material.type === 'secret' ? randomBytes(32).toString('hex') : undefined
  return { ...given, arn: kmsArn(scope, `key/${id}`), enabled: true, material, materialId }
}

export const newKeyId = (): string => randomUUID()

async function createMaterial(spec: KeySpec): Promise<KeyObject> {
  const kind = kindOf(spec)
  if (kind.pair?.type === 'rsa') return (await pair('rsa', { modulusLength: kind.pair.bits })).privateKey
  if (kind.pair?.type === 'ec') return (await pair('ec', { namedCurve: kind.pair.curve })).privateKey
  const bytes = randomBytes(32)
  try {
    return createSecretKey(bytes)
  } finally {
    bytes.fill(0)
  }
}

/** Base64 of the 32 bytes, or of the DER PKCS #8. */
export function exportMaterial({ material }: KmsKey): string {
  const bytes =
    material.type === 'secret' ? material.export() : material.export({ type: 'pkcs8', format: 'der' })
  try {
    return bytes.toString('base64')
  } finally {
    bytes.fill(0)
  }
}

/** Undefined for what is no material of a key of this kind. */
export function importMaterial(spec: KeySpec, base64: string): KeyObject | undefined {
  const bytes = Buffer.from(base64, 'base64')
  const kind = kindOf(spec)
  try {
    if (kind.pair === undefined) return bytes.length === 32 ? createSecretKey(bytes) : undefined
    const key = createPrivateKey({ key: bytes, type: 'pkcs8', format: 'der' })
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
    const fits =
      key.asymmetricKeyType === kind.pair.type &&
      (kind.pair.type === 'rsa' ? modulusLength === kind.pair.bits : namedCurve === kind.pair.curve)
    return fits ? key : undefined
  } catch {
    return undefined
  } finally {
    bytes.fill(0)
  }
}

/** DER SubjectPublicKeyInfo of an asymmetric key. */
export function publicKeyOf({ material }: KmsKey): Buffer {
  return createPublicKey(material).export({ type: 'spki', format: 'der' })
}
