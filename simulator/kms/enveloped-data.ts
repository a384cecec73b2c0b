/**
 * CMS EnvelopedData (RFC 5652, section 6) in the very bytes of KMS's CiphertextForRecipient: BER with
 * indefinite lengths around definite parts, one KeyTransRecipientInfo, RSAES-OAEP (RFC 8017, section 7.1)
 * with SHA-256, AES-256-CBC, ciphertext in OCTET STRING chunks.
 */
import {
  constants,
  createCipheriv,
  createHash,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { type Asn1Value, CONTEXT, constructed, primitive, TAG } from '../../shared/asn1.js'
import { writeDer } from '../../shared/ber.js'

/** Contents of OBJECT IDENTIFIERs. */
const OID = {
  data: '2a864886f70d010701', // 1.2.840.113549.1.7.1
  envelopedData: '2a864886f70d010703', // 1.2.840.113549.1.7.3
  rsaesOaep: '2a864886f70d010107', // 1.2.840.113549.1.1.7
  mgf1: '2a864886f70d010108', // 1.2.840.113549.1.1.8
  sha256: '608648016503040201', // 2.16.840.1.101.3.4.2.1
  aes256Cbc: '60864801650304012a', // 2.16.840.1.101.3.4.1.42
} as const

/** Identifier octets that open an indefinite length. */
const SEQUENCE = 0x30
const CONTEXT_0 = 0xa0

/** RFC 5652, section 6.2.1: version 2 goes with a subjectKeyIdentifier. */
const VERSION_2 = primitive(TAG.INTEGER, Uint8Array.of(2))

/** BouncyCastle's default, whose shape KMS's replies have. Bytes. */
const CHUNK = 1000

/**
 * Seals `plaintext` for the holder of an RSA key (DER SubjectPublicKeyInfo).
 * 32 bytes for RSA-2048 become 493 bytes. Throws node:crypto's error for a key that is not RSA.
 */
export function sealEnvelopedData(plaintext: Uint8Array, publicKeySpki: Uint8Array): Uint8Array {
  const contentKey = randomBytes(32)
  try {
    const iv = randomBytes(16)
    const cipher = createCipheriv('aes-256-cbc', contentKey, iv)
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
    return envelope(recipientInfos(contentKey, publicKeySpki), iv, ciphertext)
  } finally {
    contentKey.fill(0)
  }
}

function envelope(recipients: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const content = indefinite(SEQUENCE, [
    writeDer(oid(OID.data)),
    writeDer(sequence(oid(OID.aes256Cbc), octets(iv))),
    indefinite(CONTEXT_0, chunks(ciphertext)),
  ])
  const envelopedData = indefinite(SEQUENCE, [writeDer(VERSION_2), recipients, content])
  return indefinite(SEQUENCE, [writeDer(oid(OID.envelopedData)), indefinite(CONTEXT_0, [envelopedData])])
}

function recipientInfos(contentKey: Uint8Array, spki: Uint8Array): Uint8Array {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const encryptedKey = publicEncrypt({ key, padding, oaepHash: 'sha256' }, contentKey)
  const keyIdentifier = createHash('sha256').update(spki).digest()
  const sha256 = sequence(oid(OID.sha256), primitive(TAG.NULL, new Uint8Array(0)))
  const oaepParameters = sequence(
    constructed(0, [sha256], CONTEXT),
    constructed(1, [sequence(oid(OID.mgf1), sha256)], CONTEXT),
  )
  const recipient = sequence(
    VERSION_2,
    primitive(0, keyIdentifier, CONTEXT),
    sequence(oid(OID.rsaesOaep), oaepParameters),
    octets(encryptedKey),
  )
  return writeDer(constructed(TAG.SET, [recipient]))
}

function chunks(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += CHUNK)
    parts.push(writeDer(octets(bytes.subarray(at, at + CHUNK))))
  return parts
}

/** X.690, section 8.1.3.6: length octet 0x80, and two zero octets after the contents. */
function indefinite(identifier: number, parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(identifier, 0x80), ...parts, Uint8Array.of(0, 0)])
}

const oid = (hex: string) => primitive(TAG.OBJECT_IDENTIFIER, Buffer.from(hex, 'hex'))
const octets = (bytes: Uint8Array) => primitive(TAG.OCTET_STRING, bytes)
const sequence = (...children: Asn1Value[]) => constructed(TAG.SEQUENCE, children)
