import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type DataKeyPair, isKeyPair, KEY_PAIR_SPECS } from '../../../enclave/kms/data-key-pair.js'

const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })

const MAKERS: Record<string, () => { publicKey: KeyObject; privateKey: KeyObject }> = {
  RSA_2048: () => rsa(2048),
  RSA_3072: () => rsa(3072),
  RSA_4096: () => rsa(4096),
  ECC_NIST_P256: () => ec('P-256'),
  ECC_NIST_P384: () => ec('P-384'),
  ECC_NIST_P521: () => ec('P-521'),
  ECC_NIST_EDWARDS25519: () => generateKeyPairSync('ed25519'),
  ECC_SECG_P256K1: () => ec('secp256k1'),
  SM2: () => ec('SM2'),
}
const SPECS = Object.keys(MAKERS)

function made(spec: string): DataKeyPair {
  const pair = MAKERS[spec]?.()
  if (pair === undefined) throw new Error(`no maker for ${spec}`)
  return {
    privateKey: new Uint8Array(pair.privateKey.export({ type: 'pkcs8', format: 'der' })),
    publicKey: new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/** One of each spec: RSA keys take their time. */
const pairs = new Map<string, DataKeyPair>()
beforeAll(() => {
  for (const spec of SPECS) pairs.set(spec, made(spec))
}, 120_000)

function pairOf(spec: string): DataKeyPair {
  const { privateKey, publicKey } = pairs.get(spec) ?? made(spec)
  return { privateKey: privateKey.slice(), publicKey: publicKey.slice() }
}

/** Without an exception. */
function holds(pair: DataKeyPair, spec: string): boolean {
  try {
    return isKeyPair(pair, spec)
  } catch {
    return false
  }
}

describe('a data key pair', () => {
  it('may be of each spec that is said to be checked', () => {
    expect(SPECS).toEqual(KEY_PAIR_SPECS)
  })
  it.each(SPECS)('of %s is that, and no other', (spec) => {
    const pair = pairOf(spec)
    expect(isKeyPair(pair, spec)).toBe(true)
    for (const other of SPECS) {
      if (other !== spec) expect(holds(pair, other), other).toBe(false)
    }
  })
  it.each(SPECS.filter((spec) => !spec.startsWith('RSA_')))(
    'of %s is none when one half is of another pair',
    (spec) => {
      const [one, other] = [pairOf(spec), made(spec)]
      expect(holds({ ...one, publicKey: other.publicKey }, spec)).toBe(false)
    },
  )
  it('of RSA is none when one half is of another pair', () => {
    const [one, other] = [pairOf('RSA_2048'), made('RSA_2048')]
    expect(holds({ ...one, publicKey: other.publicKey }, 'RSA_2048')).toBe(false)
  })
  it('is none when it is of another kind', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed448')
    const pair = {
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }),
    }
    for (const spec of SPECS) expect(isKeyPair(pair, spec), spec).toBe(false)
  })
  it('is none when the private half only claims the public one', () => {
    // ECPrivateKey carries its public key (RFC 5915, section 3), which is not computed from the secret.
    const { privateKey, publicKey } = pairOf('ECC_NIST_P256')
    const scalar = Buffer.from(privateKey).indexOf(Buffer.from('0201010420', 'hex')) + 5
    privateKey[scalar + 20] = (privateKey[scalar + 20] ?? 0) ^ 1
    expect(holds({ privateKey, publicKey }, 'ECC_NIST_P256')).toBe(false)
  })
  it('is none when the private half claims another public one', () => {
    const [{ privateKey, publicKey }, other] = [pairOf('ECC_NIST_P256'), made('ECC_NIST_P256')]
    privateKey.set(other.publicKey.subarray(-64), privateKey.length - 64)
    expect(holds({ privateKey, publicKey }, 'ECC_NIST_P256')).toBe(false)
  })
  it('may have an Ed25519 key in the second version of PKCS #8', () => {
    // RFC 8410, section 10.3, without its attributes: the public key follows as [1] IMPLICIT BIT STRING.
    const { privateKey, publicKey } = pairOf('ECC_NIST_EDWARDS25519')
    const second = Buffer.concat([privateKey, Buffer.from('812100', 'hex'), publicKey.subarray(-32)])
    second[1] = second.length - 2
    second[4] = 1
    const before = Uint8Array.from(second)
    expect(isKeyPair({ privateKey: second, publicKey }, 'ECC_NIST_EDWARDS25519')).toBe(true)
    expect(new Uint8Array(second)).toEqual(before)
    const other = made('ECC_NIST_EDWARDS25519')
    expect(holds({ privateKey: second, publicKey: other.publicKey }, 'ECC_NIST_EDWARDS25519')).toBe(false)
  })
  it.each([
    ['bytes after the private key', (key: Uint8Array) => Buffer.concat([key, Uint8Array.of(0)])],
    ['a private key that ends early', (key: Uint8Array) => key.subarray(0, -1)],
    ['a private key of another form', (key: Uint8Array) => key.subarray(26)],
    ['no private key', () => new Uint8Array(0)],
    ['one byte', () => Uint8Array.of(0x30)],
  ])('is none with %s', (_, change) => {
    for (const spec of ['RSA_2048', 'ECC_NIST_P256', 'ECC_NIST_EDWARDS25519']) {
      const { privateKey, publicKey } = pairOf(spec)
      expect(holds({ privateKey: change(privateKey), publicKey }, spec), spec).toBe(false)
    }
  })
})
