/** Which kind of key CreateKey is to make. The texts are invented: AWS does not publish them. */
import { unsupportedOperation, validation } from '../errors.js'
import type { RequestReader } from '../request.js'
import { KEY_SPECS, type KeySpec, kindOf } from './keys.js'

const ELLIPTIC = ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const
const HMAC = ['HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512'] as const
const ML_DSA = ['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'] as const
const ML_KEM = ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const
const OTHER = ['ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519', 'SM2'] as const
const RSA = ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const
const ALL_SPECS = [...RSA, ...ELLIPTIC, ...OTHER, 'SYMMETRIC_DEFAULT', ...HMAC, ...ML_DSA, ...ML_KEM] as const
const USAGES = [
  'SIGN_VERIFY',
  'ENCRYPT_DECRYPT',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
] as const

/** CreateKey, KeyUsage: what KMS itself can make of each kind. */
const POSSIBLE: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['SYMMETRIC_DEFAULT'], ['ENCRYPT_DECRYPT']],
  [RSA, ['ENCRYPT_DECRYPT', 'SIGN_VERIFY']],
  [ELLIPTIC, ['SIGN_VERIFY', 'KEY_AGREEMENT']],
  [['ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519', ...ML_DSA], ['SIGN_VERIFY']],
  [['SM2'], ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'KEY_AGREEMENT']],
  [HMAC, ['GENERATE_VERIFY_MAC']],
  [ML_KEM, ['ENCAPSULATE_DECAPSULATE']],
]

export interface KeyChoice {
  readonly spec: (typeof ALL_SPECS)[number] | undefined
  /** The member's old name. */
  readonly masterKeySpec: (typeof ALL_SPECS)[number] | undefined
  readonly usage: (typeof USAGES)[number] | undefined
  readonly origin: string | undefined
  readonly customKeyStoreId: string | undefined
  readonly xksKeyId: string | undefined
  readonly multiRegion: boolean
}

export function readKeyChoice(r: RequestReader): KeyChoice {
  return {
    spec: r.oneOf('KeySpec', ALL_SPECS),
    masterKeySpec: r.oneOf('CustomerMasterKeySpec', ALL_SPECS),
    usage: r.oneOf('KeyUsage', USAGES),
    origin: r.oneOf('Origin', ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']),
    customKeyStoreId: r.text('CustomKeyStoreId', { max: 64 }),
    xksKeyId: r.text('XksKeyId', { max: 128, pattern: /^[a-zA-Z0-9-_.]+$/ }),
    multiRegion: r.flag('MultiRegion'),
  }
}

/** Throws KmsError ValidationException for what KMS itself would not make. */
export function checkChoice(choice: KeyChoice): void {
  if (choice.spec !== undefined && choice.masterKeySpec !== undefined) {
    throw validation('Give KeySpec, and not CustomerMasterKeySpec, which is its old name, too')
  }
  const { spec, usage } = wanted(choice)
  const possible = POSSIBLE.find(([specs]) => specs.includes(spec))?.[1] ?? []
  if (choice.usage === undefined && spec !== 'SYMMETRIC_DEFAULT') {
    throw validation(`KeyUsage is required for KeySpec ${spec}: ${possible.join(' or ')}`)
  }
  if (!possible.includes(usage)) {
    throw validation(
      `KeyUsage ${usage} is not compatible with KeySpec ${spec}: it takes ${possible.join(' or ')}`,
    )
  }
}

/** Throws KmsError UnsupportedOperationException for a key of which no operation here has a use. */
export function simulatedSpec(choice: KeyChoice): KeySpec {
  const { origin, customKeyStoreId, xksKeyId, multiRegion } = choice
  if (origin !== undefined && origin !== 'AWS_KMS') {
    throw unsupportedOperation(`The simulated KMS makes no key of the origin ${origin}`)
  }
  if (customKeyStoreId !== undefined || xksKeyId !== undefined) {
    throw unsupportedOperation('The simulated KMS makes no key in a custom key store')
  }
  if (multiRegion) throw unsupportedOperation('The simulated KMS has no multi-Region keys')
  const { spec, usage } = wanted(choice)
  const simulated = KEY_SPECS.find((one) => one === spec)
  if (simulated !== undefined && kindOf(simulated).usage === usage) return simulated
  throw unsupportedOperation(
    `The simulated KMS has no operation that uses a key of KeySpec ${spec} with KeyUsage ${usage}`,
  )
}

function wanted({ spec, masterKeySpec, usage }: KeyChoice) {
  return { spec: spec ?? masterKeySpec ?? 'SYMMETRIC_DEFAULT', usage: usage ?? 'ENCRYPT_DECRYPT' } as const
}
