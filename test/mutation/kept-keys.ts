/**
 * Before every test file: who asks for an RSA key pair gets one of those that main.ts made, the next each time. Half of
 * what the tests of enclave/kms take is the making of such keys, for every change of the code again.
 */
import crypto, { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { promisify } from 'node:util'

/** PEM (PKCS #8) by modulus length. */
const kept: Readonly<Record<number, readonly string[]>> = JSON.parse(
  readFileSync(process.env.KEPT_KEYS ?? '', 'utf8'),
)

let taken = 0

/** Undefined where none of such a length is kept. */
function next(modulusLength: unknown) {
  const pems = kept[Number(modulusLength)]
  const pem = pems?.[taken++ % pems.length]
  return pem === undefined ? undefined : createPrivateKey(pem)
}

const made = promisify(crypto.generateKeyPair)
const generateKeyPair = crypto.generateKeyPair
crypto.generateKeyPair = Object.assign((...args: unknown[]) => Reflect.apply(generateKeyPair, crypto, args), {
  [promisify.custom]: async (type: 'rsa', options: { readonly modulusLength: number }) => {
    const privateKey = type === 'rsa' ? next(options.modulusLength) : undefined
    return privateKey ? { privateKey, publicKey: createPublicKey(privateKey) } : made(type, options)
  },
}) as never
syncBuiltinESMExports()

const PRIVATE: readonly string[] = ['decrypt', 'unwrapKey']
const PUBLIC: readonly string[] = ['encrypt', 'wrapKey']

const { subtle } = webcrypto
const generateKey = subtle.generateKey
subtle.generateKey = (async (
  algorithm: webcrypto.RsaHashedKeyGenParams,
  extractable: boolean,
  usages: readonly webcrypto.KeyUsage[],
) => {
  // What it would refuse it shall refuse.
  const meant = usages.every((usage) => PRIVATE.includes(usage) || PUBLIC.includes(usage))
  const key = meant && algorithm.name === 'RSA-OAEP' ? next(algorithm.modulusLength) : undefined
  if (key === undefined) return Reflect.apply(generateKey, subtle, [algorithm, extractable, usages])
  const read = (format: 'pkcs8' | 'spki', der: Uint8Array, may: boolean, all: readonly string[]) =>
    subtle.importKey(
      format,
      der,
      algorithm,
      may,
      usages.filter((usage) => all.includes(usage)),
    )
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    privateKey: await read('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), extractable, PRIVATE),
    publicKey: await read('spki', spki, true, PUBLIC),
  }
}) as never
