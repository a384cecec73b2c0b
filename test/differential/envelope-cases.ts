/** Envelopes that are unusual in one thing, for one key. */
import { randomBytes, type webcrypto } from 'node:crypto'
import { CONTEXT, constructed, primitive, TAG } from '../../shared/asn1.js'
import {
  type EnvelopeParts,
  hash,
  integer,
  nothing,
  OIDS,
  oaep,
  octetString,
  oid,
  type SealOptions,
  seal,
  sequence,
  tagged,
} from '../enclave/kms/support.js'
import type { Mutant } from './mutations.js'

const mgf1 = (name: string) => tagged(1, sequence(oid(OIDS.mgf1), hash(name, nothing)))
const sha256 = tagged(0, hash(OIDS.sha256, nothing))
const label = (bytes: Uint8Array) => tagged(2, sequence(oid(OIDS.pSpecified), octetString(bytes)))
const changed = (change: (parts: EnvelopeParts) => Partial<EnvelopeParts>): SealOptions => ({
  change: (parts) => void Object.assign(parts, change(parts)),
})

const OPTIONS: Readonly<Record<string, SealOptions>> = {
  'as KMS seals': {},
  'in chunks': { chunk: 7 },
  'version 0': changed(() => ({ version: integer(0) })),
  'version 1': changed(() => ({ version: integer(1) })),
  'version 3': changed(() => ({ version: integer(3) })),
  'recipient version 0': changed(() => ({ recipientVersion: integer(0) })),
  'recipient version 3': changed(() => ({ recipientVersion: integer(3) })),
  'recipient by issuer and serial number': changed(() => ({
    version: integer(0),
    recipientVersion: integer(0),
    recipientId: sequence(sequence(), integer(1)),
  })),
  'a key identifier of 20 bytes': changed(() => ({ recipientId: primitive(0, new Uint8Array(20), CONTEXT) })),
  'two recipients': changed((parts) => ({
    moreRecipients: [sequence(parts.recipientVersion, parts.recipientId, parts.oaep, parts.encryptedKey)],
  })),
  'a field too many in the recipient': changed(() => ({ moreOfRecipient: [nothing] })),
  'a field too many in the content': changed(() => ({ moreOfContent: [nothing] })),
  'unprotected attributes': changed(() => ({
    attributes: [constructed(1, [sequence(oid(OIDS.data), constructed(TAG.SET, [nothing]))], CONTEXT)],
  })),
  'another content type': changed(() => ({ contentType: oid(OIDS.data) })),
  'another inner type': changed(() => ({ innerType: oid(OIDS.envelopedData) })),
  'hash parameters absent': changed(() => ({ oaep: oaep(tagged(0, hash(OIDS.sha256)), mgf1(OIDS.sha256)) })),
  'an empty label': changed(() => ({ oaep: oaep(sha256, mgf1(OIDS.sha256), label(new Uint8Array(0))) })),
  'a label': changed(() => ({ oaep: oaep(sha256, mgf1(OIDS.sha256), label(Uint8Array.of(1))) })),
  'MGF1 with SHA-1': changed(() => ({ oaep: oaep(sha256, mgf1(OIDS.sha1)) })),
  'the default hashes': changed(() => ({ oaep: oaep() })),
  'PKCS #1 v1.5': changed(() => ({ oaep: sequence(oid(OIDS.rsaEncryption), nothing) })),
  'a content key of 16 bytes': { contentKey: randomBytes(16) },
  'AES-128': {
    contentKey: randomBytes(16),
    ...changed((parts) => ({ cipher: sequence(oid(OIDS.aes128Cbc), ...parts.cipher.children.slice(1)) })),
  },
  'an initialization vector of 8 bytes': changed(() => ({
    cipher: sequence(oid(OIDS.aes256Cbc), octetString(new Uint8Array(8))),
  })),
  'no content': changed(() => ({ encrypted: primitive(0, new Uint8Array(0), CONTEXT) })),
  'content of 17 bytes': changed(() => ({ encrypted: primitive(0, new Uint8Array(17), CONTEXT) })),
  'padding of 0': { padded: Buffer.alloc(32) },
  'padding of 17': { padded: Buffer.alloc(32, 17) },
  'padding of 2 after 3': { padded: Buffer.from([...new Array<number>(30).fill(3), 3, 2]) },
  'padding of 16': { padded: Buffer.alloc(32, 16) },
}

export async function envelopeCases(key: webcrypto.CryptoKey): Promise<readonly Mutant[]> {
  const cases = Object.entries(OPTIONS).map(async ([name, options]): Promise<Mutant> => {
    return { name, bytes: await seal(randomBytes(32), key, options) }
  })
  const [first, ...others] = await Promise.all(cases)
  if (first === undefined) throw new Error('no cases')
  return [first, ...others, { name: 'a byte after it', bytes: Uint8Array.from([...first.bytes, 0]) }]
}
