/** Whether a data key pair is one: what KMS gives in secret, and what it gives in the open. */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { curveOf } from './curve.js'

/** Those of GenerateDataKeyPair's KeyPairSpec that can be checked here. */
export const KEY_PAIR_SPECS: readonly unknown[] = [
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_NIST_EDWARDS25519',
  'ECC_SECG_P256K1',
  'SM2',
]

export interface DataKeyPair {
  /** DER PrivateKeyInfo (PKCS #8, RFC 5958). */
  readonly privateKey: Uint8Array
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
}

/**
 * True when the two halves belong together and are what `keyPairSpec` names. A signature proves it: the public half
 * that a private key's own encoding may carry says nothing about its secret. Throws when one of them is not a key.
 */
export function isKeyPair(pair: DataKeyPair, keyPairSpec: unknown): boolean {
  if (!isOneValue(pair.privateKey)) return false
  const privateKey = readPrivateKey(pair.privateKey)
  const publicKey = createPublicKey({ key: buffer(pair.publicKey), format: 'der', type: 'spki' })
  if (specOf(publicKey, pair.publicKey) !== keyPairSpec) return false
  if (!createPublicKey(privateKey).equals(publicKey)) return false
  const challenge = randomBytes(32)
  return verify(null, challenge, publicKey, sign(null, challenge, privateKey))
}

function readPrivateKey(der: Uint8Array): KeyObject {
  if (!ED25519_V2.equals(der.subarray(2, 2 + ED25519_V2.length))) {
    return createPrivateKey({ key: buffer(der), format: 'der', type: 'pkcs8' })
  }
  const first = Buffer.from(der.subarray(0, 48))
  first[1] = first.length - 2
  first[4] = 0
  try {
    return createPrivateKey({ key: first, format: 'der', type: 'pkcs8' })
  } finally {
    first.fill(0)
  }
}

/**
 * An Ed25519 key in the second version of PKCS #8, which carries the public key after the private one (RFC 5958,
 * section 2; RFC 8410, section 7), as OpenSSL 3.0, that of Node 20, does not read it: what follows the head, up to the
 * 32 bytes of the secret.
 */
const ED25519_V2 = Buffer.from('020101300506032b657004220420', 'hex')

function specOf(publicKey: KeyObject, spki: Uint8Array): string | undefined {
  switch (publicKey.asymmetricKeyType) {
    case 'rsa':
      return `RSA_${publicKey.asymmetricKeyDetails?.modulusLength}`
    case 'ed25519':
      return 'ECC_NIST_EDWARDS25519'
    default:
      return curveOf(spki)?.keySpec
  }
}

/** One value, as long as its head says (X.690, section 8.1.3), and nothing after it: OpenSSL would take more. */
function isOneValue(der: Uint8Array): boolean {
  const first = der[1] ?? 0
  const octets = first < 0x80 ? 0 : first - 0x80
  const length = der.subarray(2, 2 + octets).reduce((sum, byte) => sum * 256 + byte, octets === 0 ? first : 0)
  return der.length === 2 + octets + length
}

/** The same memory: no copy of a secret. */
function buffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
