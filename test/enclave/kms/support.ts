import { execFileSync } from 'node:child_process'
import { createCipheriv, createHash, randomBytes, webcrypto } from 'node:crypto'
import { type Expected, openEnvelopedData } from '../../../enclave/kms/enveloped-data.js'
import { type Asn1Value, CONTEXT, constructed, primitive, TAG } from '../../../shared/asn1.js'
import { writeDer } from '../../../shared/ber.js'

const { subtle } = webcrypto

export function hex(text: string): Uint8Array {
  return Buffer.from(text, 'hex')
}

export function openssl(args: readonly string[], input?: Uint8Array): Uint8Array {
  return execFileSync('openssl', [...args], { ...(input ? { input } : {}), stdio: ['pipe', 'pipe', 'pipe'] })
}

export async function rsaKeyPair(modulusLength = 2048, hash = 'SHA-256'): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = { name: 'RSA-OAEP', hash, modulusLength, publicExponent: Uint8Array.of(1, 0, 1) }
  return subtle.generateKey(algorithm, true, ['encrypt', 'decrypt'])
}

export async function importPrivateKey(pkcs8: Uint8Array): Promise<webcrypto.CryptoKey> {
  return subtle.importKey('pkcs8', pkcs8, { name: 'RSA-OAEP', hash: 'SHA-256' }, false, ['decrypt'])
}

/** The parts of an envelope that a test may want to be otherwise. */
export interface EnvelopeParts {
  contentType: Asn1Value
  version: Asn1Value
  recipientVersion: Asn1Value
  recipientId: Asn1Value
  oaep: Asn1Value
  encryptedKey: Asn1Value
  innerType: Asn1Value
  cipher: Asn1Value
  encrypted: Asn1Value
  /** After the four fields of KeyTransRecipientInfo, and the three of EncryptedContentInfo. */
  moreOfRecipient: Asn1Value[]
  moreOfContent: Asn1Value[]
  /** After the three fields of EnvelopedData. */
  attributes: Asn1Value[]
  /** After the one recipient. */
  moreRecipients: Asn1Value[]
}

export const sequence = (...children: Asn1Value[]) => constructed(TAG.SEQUENCE, children)
export const tagged = (number: number, ...children: Asn1Value[]) => constructed(number, children, CONTEXT)
export const octetString = (bytes: Uint8Array) => primitive(TAG.OCTET_STRING, bytes)
export const integer = (value: number) => primitive(TAG.INTEGER, Uint8Array.of(value))
export const nothing = primitive(TAG.NULL, new Uint8Array(0))

export function oid(dotted: string): Asn1Value {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const septets = [arc & 0x7f]
    for (let more = arc >>> 7; more > 0; more >>>= 7) septets.unshift(0x80 | (more & 0x7f))
    bytes.push(...septets)
  }
  return primitive(TAG.OBJECT_IDENTIFIER, Uint8Array.from(bytes))
}

export const OIDS = {
  data: '1.2.840.113549.1.7.1',
  envelopedData: '1.2.840.113549.1.7.3',
  rsaEncryption: '1.2.840.113549.1.1.1',
  oaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  pSpecified: '1.2.840.113549.1.1.9',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  aes128Cbc: '2.16.840.1.101.3.4.1.2',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
}

export const hash = (name: string, ...parameters: Asn1Value[]) => sequence(oid(name), ...parameters)

export function oaep(...parameters: Asn1Value[]): Asn1Value {
  return sequence(oid(OIDS.oaep), sequence(...parameters))
}

export const sha256Oaep = [
  tagged(0, hash(OIDS.sha256, nothing)),
  tagged(1, sequence(oid(OIDS.mgf1), hash(OIDS.sha256, nothing))),
]

export function writeEnvelope(parts: EnvelopeParts): Uint8Array {
  const { recipientVersion, recipientId, encryptedKey, moreOfRecipient } = parts
  const recipient = sequence(recipientVersion, recipientId, parts.oaep, encryptedKey, ...moreOfRecipient)
  return writeDer(
    sequence(
      parts.contentType,
      tagged(
        0,
        sequence(
          parts.version,
          constructed(TAG.SET, [recipient, ...parts.moreRecipients]),
          sequence(parts.innerType, parts.cipher, parts.encrypted, ...parts.moreOfContent),
          ...parts.attributes,
        ),
      ),
    ),
  )
}

export interface SealOptions {
  contentKey?: Uint8Array
  /** OCTET STRINGs of this many bytes; one primitive value without it. */
  chunk?: number
  /** Pads by hand: whole blocks as they are to be encrypted. */
  padded?: Uint8Array
  change?: (parts: EnvelopeParts) => void
}

/** Seals as KMS does (but definite lengths), after `change` had a look at the parts. */
export async function seal(
  plaintext: Uint8Array,
  publicKey: webcrypto.CryptoKey,
  options: SealOptions = {},
): Promise<Uint8Array> {
  const contentKey = options.contentKey ?? randomBytes(32)
  const iv = randomBytes(16)
  const cipher = createCipheriv(
    `aes-${contentKey.length === 16 ? 128 : 256}-cbc`,
    contentKey.length === 16 ? contentKey : Buffer.concat([contentKey, Buffer.alloc(32)]).subarray(0, 32),
    iv,
  )
  cipher.setAutoPadding(options.padded === undefined)
  const ciphertext = Buffer.concat([cipher.update(options.padded ?? plaintext), cipher.final()])
  const chunks: Uint8Array[] = []
  for (let at = 0; options.chunk !== undefined && at < ciphertext.length; at += options.chunk) {
    chunks.push(ciphertext.subarray(at, at + options.chunk))
  }
  const spki = new Uint8Array(await subtle.exportKey('spki', publicKey))
  const parts: EnvelopeParts = {
    contentType: oid(OIDS.envelopedData),
    version: integer(2),
    recipientVersion: integer(2),
    recipientId: primitive(0, createHash('sha256').update(spki).digest(), CONTEXT),
    oaep: oaep(...sha256Oaep),
    encryptedKey: octetString(
      new Uint8Array(await subtle.encrypt({ name: 'RSA-OAEP' }, publicKey, contentKey)),
    ),
    innerType: oid(OIDS.data),
    cipher: sequence(oid(OIDS.aes256Cbc), octetString(iv)),
    encrypted:
      options.chunk === undefined
        ? primitive(0, ciphertext, CONTEXT)
        : tagged(0, ...chunks.map((chunk) => octetString(chunk))),
    moreOfRecipient: [],
    moreOfContent: [],
    attributes: [],
    moreRecipients: [],
  }
  options.change?.(parts)
  return writeEnvelope(parts)
}

export async function importPublicKey(spki: Uint8Array): Promise<webcrypto.CryptoKey> {
  return subtle.importKey('spki', spki, { name: 'RSA-OAEP', hash: 'SHA-256' }, true, ['encrypt'])
}

/** What a caller can see of a failure. Every call starts on an empty stack, so that frames compare. */
export async function failureOf(
  bytes: Uint8Array,
  privateKey: webcrypto.CryptoKey,
  length?: number,
  accept?: Expected['accept'],
): Promise<Record<string, unknown>> {
  const error: unknown = await new Promise((resolve) => {
    const opened = () => resolve(new Error('opened'))
    setImmediate(() => openEnvelopedData(bytes, privateKey, { length, accept }).then(opened, resolve))
  })
  if (!(error instanceof Error)) return { error }
  const properties = Object.fromEntries(
    Reflect.ownKeys(error).map((name) => [String(name), Reflect.get(error, name)]),
  )
  return { class: error.constructor, keys: Reflect.ownKeys(error), ...properties }
}
