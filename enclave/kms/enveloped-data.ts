/**
 * Reads and opens KMS's `CiphertextForRecipient`: CMS EnvelopedData (RFC 5652, section 6) with RSAES-OAEP
 * (RFC 8017, section 7.1) and AES-256-CBC (RFC 3565). Reads only the subset needed, BER or DER: one
 * key-transport recipient, no originator, no unprotected attributes.
 */
import { createDecipheriv, randomBytes, webcrypto } from 'node:crypto'
import { type Asn1Value, CONTEXT, is, objectIdentifier, TAG } from '../../shared/asn1.js'
import { readBer } from '../../shared/ber.js'
import { FormatError, OperationError } from '../../shared/errors.js'

/** The longest `CiphertextForRecipient` of the KMS API, in bytes. */
export const MAX_ENVELOPE_LENGTH = 6_144

const CONTENT_KEY_LENGTH = 32
const BLOCK = 16

const OID = {
  data: '1.2.840.113549.1.7.1',
  envelopedData: '1.2.840.113549.1.7.3',
  rsaesOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  pSpecified: '1.2.840.113549.1.1.9',
  sha256: '2.16.840.1.101.3.4.2.1',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const

export interface EnvelopedData {
  /** The subjectKeyIdentifier, when the recipient is named by one. KMS: SHA-256 of the public key's DER. */
  readonly recipientId?: Uint8Array
  /** The content key under RSAES-OAEP. */
  readonly encryptedKey: Uint8Array
  /** 16 bytes. */
  readonly iv: Uint8Array
  /** A positive multiple of 16 bytes. */
  readonly ciphertext: Uint8Array
  /** OCTET STRINGs that the ciphertext came in. */
  readonly segments: number
}

/** Reads an envelope of at most 6,144 bytes. Throws FormatError ERR_BER. */
export function parseEnvelopedData(bytes: Uint8Array): EnvelopedData {
  if (bytes.length > MAX_ENVELOPE_LENGTH) refuse('envelope too long')
  const [type, wrapped, ...rest] = children(readBer(bytes), TAG.SEQUENCE)
  if (objectIdentifier(type) !== OID.envelopedData || rest.length > 0) refuse('not EnvelopedData')

  const [version, recipients, content, ...attributes] = children(explicit(wrapped, 0), TAG.SEQUENCE)
  if (attributes.length > 0) refuse('unexpected fields in EnvelopedData')
  checkVersion(version)

  const [recipient, ...others] = children(recipients, TAG.SET)
  if (others.length > 0) refuse('more than one recipient')
  const [recipientVersion, id, algorithm, key, ...more] = children(recipient, TAG.SEQUENCE)
  if (more.length > 0) refuse('unexpected fields in KeyTransRecipientInfo')
  checkVersion(recipientVersion)
  checkOaep(algorithm)

  const [contentType, cipher, encrypted, ...after] = children(content, TAG.SEQUENCE)
  if (objectIdentifier(contentType) !== OID.data || after.length > 0) refuse('not encrypted data')
  const chunks = contentChunks(encrypted)
  const ciphertext = Buffer.concat(chunks)
  if (ciphertext.length === 0 || ciphertext.length % BLOCK !== 0) refuse('ciphertext is not whole blocks')

  return {
    ...recipientId(id),
    encryptedKey: octets(key),
    iv: initializationVector(cipher),
    ciphertext,
    segments: chunks.length,
  }
}

/** What a plaintext must be to count as opened. */
export interface Expected {
  /** Bytes that it has. */
  readonly length?: number | undefined
  /**
   * Says whether it fits; throwing says no. Asked once about every envelope, also about bytes that are no plaintext.
   * The bytes are zeroed afterwards when they do not fit: keep none of them.
   */
  readonly accept?: ((plaintext: Uint8Array) => boolean) | undefined
}

/**
 * Opens an envelope with `privateKey` (RSA-OAEP with SHA-256, usage `decrypt`) and gives the plaintext, when it is
 * what was expected. Every failure is the same OperationError ERR_ENVELOPE after the same work: CBC carries no
 * authentication, so that telling failures apart would be a padding oracle.
 */
export async function openEnvelopedData(
  bytes: Uint8Array,
  privateKey: webcrypto.CryptoKey,
  expected: Expected = {},
): Promise<Uint8Array> {
  // Made before anything is known, so that its stack cannot tell what went wrong.
  const failure = new OperationError('ERR_ENVELOPE', 'the envelope could not be opened')
  const modulusLength = (privateKey.algorithm as webcrypto.RsaHashedKeyAlgorithm).modulusLength / 8
  // Needed or not, as everything below: what only some failures cost would tell them from others.
  const { contentKey: random, ...decoy } = makeDecoy(modulusLength)
  const parsed = parseFor(bytes, modulusLength)
  const { encryptedKey, ciphertext, iv } = parsed ?? decoy
  const unwrapped = await unwrapOrNothing(encryptedKey, privateKey)
  const unwrappedWell = unwrapped.length === CONTENT_KEY_LENGTH
  const { padded, padding } = decryptContent(ciphertext, unwrappedWell ? unwrapped : random, iv)
  const length = padded.length - padding
  // A copy, and no Buffer: what callers get is as the AWS SDK itself gives it.
  const plaintext = new Uint8Array(padded.subarray(0, length))
  for (const secret of [unwrapped, random, padded]) secret.fill(0)

  // A random key gives a right padding once in 256 tries: only all five together mean success.
  const lengthFits = expected.length === undefined || length === expected.length
  const accepted = isAccepted(plaintext, expected.accept)
  if (parsed !== undefined && unwrappedWell && padding !== 0 && lengthFits && accepted) return plaintext
  plaintext.fill(0)
  throw failure
}

function isAccepted(plaintext: Uint8Array, accept: Expected['accept']): boolean {
  try {
    return accept === undefined || accept(plaintext) === true
  } catch {
    return false
  }
}

/** RSAES-OAEP with SHA-256, MGF1 with SHA-256 and an empty label. Rejects when it does not decrypt. */
export async function unwrapContentKey(
  encryptedKey: Uint8Array,
  privateKey: webcrypto.CryptoKey,
): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, privateKey, encryptedKey))
}

/** WebCrypto's refusal costs two exceptions and their stacks, 4 % of the whole: what is not refused pays them too. */
async function unwrapOrNothing(
  encryptedKey: Uint8Array,
  privateKey: webcrypto.CryptoKey,
): Promise<Uint8Array> {
  try {
    const contentKey = await unwrapContentKey(encryptedKey, privateKey)
    new DOMException(new Error('not refused').message, 'OperationError')
    return contentKey
  } catch {
    return new Uint8Array(0)
  }
}

/** AES-256-CBC over whole blocks: what it decrypts to, and the padding's length (0: wrong padding). */
export function decryptContent(
  ciphertext: Uint8Array,
  key: Uint8Array,
  iv: Uint8Array,
): { padded: Uint8Array; padding: number } {
  const decipher = createDecipheriv('aes-256-cbc', key, iv).setAutoPadding(false)
  const padded = decipher.update(ciphertext)
  decipher.final()
  return { padded, padding: paddingLength(padded.subarray(-BLOCK)) }
}

/** Length (1 to 16) of the PKCS #7 padding of a last block, 0 when it is wrong (RFC 5652, section 6.3); in constant time. */
export function paddingLength(block: Uint8Array): number {
  const length = block.at(-1) ?? 0
  // Shifting a 31-bit integer right by 31 gives -1 (all bits) when it is negative, else 0.
  let wrong = (BLOCK - length) >> 31
  for (let i = 0; i < BLOCK; i++) {
    const isPadding = (i - length) >> 31
    wrong |= isPadding & ((block[block.length - 1 - i] ?? 0) ^ length)
  }
  return length & ~((wrong | -wrong) >> 31)
}

function parseFor(bytes: Uint8Array, modulusLength: number): EnvelopedData | undefined {
  try {
    const envelope = parseEnvelopedData(bytes)
    // RSA refuses another length before it computes anything.
    return envelope.encryptedKey.length === modulusLength ? envelope : undefined
  } catch {
    return undefined
  }
}

interface Decoy extends Pick<EnvelopedData, 'encryptedKey' | 'iv' | 'ciphertext'> {
  readonly contentKey: Uint8Array
}

/** Something to work on when nothing could be read, and a key for when none was unwrapped. */
function makeDecoy(modulusLength: number): Decoy {
  const random = randomBytes(CONTENT_KEY_LENGTH + BLOCK + 3 * BLOCK + modulusLength)
  let taken = 0
  const take = (length: number): Uint8Array => {
    taken += length
    return random.subarray(taken - length, taken)
  }
  const contentKey = take(CONTENT_KEY_LENGTH)
  // The leading zero keeps it below the modulus.
  const encryptedKey = take(modulusLength).fill(0, 0, 1)
  return { contentKey, encryptedKey, iv: take(BLOCK), ciphertext: take(3 * BLOCK) }
}

function refuse(reason: string): never {
  throw new FormatError('ERR_BER', reason)
}

function children(value: Asn1Value | undefined, tag: number): readonly Asn1Value[] {
  return is(value, tag) && value.constructed ? value.children : refuse('not the structure expected')
}

/** The one value inside an explicit tag `[number]`. */
function explicit(value: Asn1Value | undefined, number: number): Asn1Value | undefined {
  if (!is(value, number, CONTEXT) || !value.constructed || value.children.length !== 1) {
    refuse(`not one value in [${number}]`)
  }
  return value.children[0]
}

function octets(value: Asn1Value | undefined): Uint8Array {
  return is(value, TAG.OCTET_STRING) && !value.constructed ? value.content : refuse('not an OCTET STRING')
}

/** Version 2 is what KMS writes; 0 belongs to issuerAndSerialNumber (RFC 5652, sections 6.1 and 6.2.1). */
function checkVersion(value: Asn1Value | undefined): void {
  const version = is(value, TAG.INTEGER) && value.content.length === 1 ? value.content[0] : undefined
  if (version !== 0 && version !== 2) refuse('unknown version')
}

/** The recipient is not matched: the private key shows whether it is the right one. */
function recipientId(value: Asn1Value | undefined): { recipientId?: Uint8Array } {
  if (is(value, 0, CONTEXT) && !value.constructed) return { recipientId: value.content }
  children(value, TAG.SEQUENCE)
  return {}
}

/** AlgorithmIdentifier without parameters, which may be NULL or absent (RFC 4055, section 2.1). */
function checkSha256(value: Asn1Value | undefined): void {
  const [algorithm, parameters, ...rest] = children(value, TAG.SEQUENCE)
  if (objectIdentifier(algorithm) !== OID.sha256 || rest.length > 0) refuse('hash is not SHA-256')
  if (parameters === undefined) return
  if (!is(parameters, TAG.NULL) || parameters.constructed || parameters.content.length > 0) {
    refuse('hash parameters are not NULL')
  }
}

/** RSAES-OAEP-params (RFC 4055, section 4.1): the defaults are SHA-1, so both hashes must be written out. */
function checkOaep(value: Asn1Value | undefined): void {
  const [algorithm, parameters, ...rest] = children(value, TAG.SEQUENCE)
  if (objectIdentifier(algorithm) !== OID.rsaesOaep || rest.length > 0) refuse('key encryption is not OAEP')
  const [hash, mask, label, ...more] = children(parameters, TAG.SEQUENCE)
  checkSha256(explicit(hash, 0))
  const [maskAlgorithm, maskHash, ...other] = children(explicit(mask, 1), TAG.SEQUENCE)
  if (objectIdentifier(maskAlgorithm) !== OID.mgf1 || other.length > 0) refuse('mask is not MGF1')
  checkSha256(maskHash)
  if (more.length > 0) refuse('unexpected OAEP parameters')
  if (label === undefined) return
  const [source, bytes, ...further] = children(explicit(label, 2), TAG.SEQUENCE)
  if (objectIdentifier(source) !== OID.pSpecified || octets(bytes).length > 0 || further.length > 0) {
    refuse('OAEP label is not empty')
  }
}

function initializationVector(value: Asn1Value | undefined): Uint8Array {
  const [algorithm, parameters, ...rest] = children(value, TAG.SEQUENCE)
  if (objectIdentifier(algorithm) !== OID.aes256Cbc || rest.length > 0) refuse('cipher is not AES-256-CBC')
  const iv = octets(parameters)
  return iv.length === BLOCK ? iv : refuse('IV is not 16 bytes')
}

/** encryptedContent [0] IMPLICIT OCTET STRING: primitive, or in chunks as a streaming writer leaves it. */
function contentChunks(value: Asn1Value | undefined): readonly Uint8Array[] {
  if (!is(value, 0, CONTEXT)) refuse('no encrypted content')
  return value.constructed ? value.children.map(octets) : [value.content]
}
