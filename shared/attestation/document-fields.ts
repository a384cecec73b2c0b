/**
 * The fields that the documents of enclaves and of NitroTPMs share, with the limits that hardware keeps, which are wider
 * than those of AWS's text (aws-nitro-enclaves-nsm-api, docs/attestation_process.md).
 */
import { type CborValue, decodeCbor } from '../cbor.js'
import { type CoseSign1, parseSign1 } from '../cose.js'
import { FormatError } from '../errors.js'
import { shown } from '../printable.js'

/** Bytes of a whole document. The largest seen has 7,539. */
export const MAX_DOCUMENT_LENGTH = 16 * 1024
/** Bytes of public_key, user_data and nonce each: hardware takes 1,024, the text says 512 for two of them. */
export const MAX_FIELD_LENGTH = 1024
const MAX_CERTIFICATE_LENGTH = 1024
/** Registers of a module, 0 to 31. */
export const MAX_PCRS = 32
/** Bytes of a register: SHA-256, SHA-384, SHA-512. */
export const PCR_LENGTHS: readonly number[] = [32, 48, 64]
/** Milliseconds: a moment of 2001, long before there was such hardware. Below it stand times in seconds. */
const MIN_TIMESTAMP = 1e12
/** Milliseconds: the last moment that a Date can hold. */
const MAX_TIMESTAMP = 8.64e15

export interface DocumentFields {
  /** Of an enclave `i-<instance id>-enc<enclave id>`, of a NitroTPM `i-<instance id>-tpm<number>`. */
  readonly moduleId: string
  readonly digest: 'SHA384'
  /** When the module made the document, to the millisecond. */
  readonly timestamp: Date
  /** Registers by index, 0 to 31. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  /** DER, leaf. */
  readonly certificate: Uint8Array
  /** DER, root first. */
  readonly cabundle: readonly Uint8Array[]
  /** Absent when null; empty is not absent. */
  readonly publicKey?: Uint8Array
  readonly userData?: Uint8Array
  readonly nonce?: Uint8Array
}

export interface Payload {
  readonly fields: ReadonlyMap<unknown, CborValue>
  readonly envelope: CoseSign1
}

/** The map inside the COSE_Sign1. Throws FormatError ERR_CBOR_*, ERR_COSE_*, ERR_DOCUMENT_SIZE, ERR_DOCUMENT_STRUCTURE. */
export function parsePayload(bytes: Uint8Array): Payload {
  if (bytes.length === 0 || bytes.length > MAX_DOCUMENT_LENGTH) {
    throw new FormatError(
      'ERR_DOCUMENT_SIZE',
      `${bytes.length} bytes; a document has 1 to ${MAX_DOCUMENT_LENGTH}`,
    )
  }
  const envelope = parseSign1(bytes, MAX_DOCUMENT_LENGTH)
  const fields = decodeCbor(envelope.payload)
  if (!(fields instanceof Map)) throw new FormatError('ERR_DOCUMENT_STRUCTURE', 'the payload is not a map')
  return { envelope, fields }
}

/** `registers`: the name under which the registers stand. Throws FormatError ERR_DOCUMENT_*. */
export function readFields(fields: Payload['fields'], registers: 'pcrs' | 'nitrotpm_pcrs'): DocumentFields {
  const pcrs = readPcrs(mandatory(fields, registers), registers)
  const publicKey = optional(fields, 'public_key', 'ERR_DOCUMENT_PUBLIC_KEY')
  const userData = optional(fields, 'user_data', 'ERR_DOCUMENT_USER_DATA')
  const nonce = optional(fields, 'nonce', 'ERR_DOCUMENT_NONCE')
  return {
    moduleId: readModuleId(mandatory(fields, 'module_id')),
    digest: readDigest(mandatory(fields, 'digest')),
    timestamp: readTimestamp(mandatory(fields, 'timestamp')),
    pcrs,
    certificate: readCertificate(mandatory(fields, 'certificate'), 'ERR_DOCUMENT_CERTIFICATE'),
    cabundle: readCabundle(mandatory(fields, 'cabundle')),
    ...(publicKey && { publicKey }),
    ...(userData && { userData }),
    ...(nonce && { nonce }),
  }
}

/** Null is absent: hardware writes null for what was not given. */
function mandatory(fields: Payload['fields'], name: string): NonNullable<CborValue> {
  const value = fields.get(name) ?? null
  if (value === null) throw new FormatError('ERR_DOCUMENT_FIELD_MISSING', `the document has no ${name}`)
  return value
}

type FieldCode = 'ERR_DOCUMENT_PUBLIC_KEY' | 'ERR_DOCUMENT_USER_DATA' | 'ERR_DOCUMENT_NONCE'

function optional(fields: Payload['fields'], name: string, code: FieldCode): Uint8Array | undefined {
  const value = fields.get(name) ?? null
  if (value === null) return undefined
  if (!(value instanceof Uint8Array) || value.length > MAX_FIELD_LENGTH) {
    throw new FormatError(code, `${name} is not a byte string of at most ${MAX_FIELD_LENGTH} bytes`)
  }
  return value
}

function readModuleId(value: CborValue): string {
  if (typeof value !== 'string' || value === '') {
    throw new FormatError('ERR_DOCUMENT_MODULE_ID', 'module_id is not a text, or empty')
  }
  return value
}

function readDigest(value: CborValue): 'SHA384' {
  if (value !== 'SHA384') {
    throw new FormatError('ERR_DOCUMENT_DIGEST', `digest is ${shown(value)}; only SHA384 is accepted`)
  }
  return value
}

function readTimestamp(value: CborValue): Date {
  if (typeof value !== 'number' || value <= 0 || value > MAX_TIMESTAMP) {
    throw new FormatError('ERR_DOCUMENT_TIMESTAMP', 'timestamp is not a time in milliseconds after 1970')
  }
  if (value < MIN_TIMESTAMP) {
    const moment = new Date(value).toISOString()
    throw new FormatError(
      'ERR_DOCUMENT_TIMESTAMP',
      `timestamp ${value} is ${moment} in milliseconds: it seems to count seconds`,
    )
  }
  return new Date(value)
}

function readPcrs(value: CborValue, name: string): ReadonlyMap<number, Uint8Array> {
  const pcrs = new Map<number, Uint8Array>()
  if (!(value instanceof Map) || value.size === 0) {
    throw new FormatError('ERR_DOCUMENT_PCRS', `${name} is not a map of registers, at least one`)
  }
  for (const [index, register] of value) {
    if (typeof index !== 'number' || index < 0 || index >= MAX_PCRS) {
      throw new FormatError('ERR_DOCUMENT_PCRS', `a PCR index is not a number from 0 to ${MAX_PCRS - 1}`)
    }
    if (!(register instanceof Uint8Array) || !PCR_LENGTHS.includes(register.length)) {
      throw new FormatError('ERR_DOCUMENT_PCRS', `PCR${index} is not a byte string of 32, 48 or 64 bytes`)
    }
    pcrs.set(index, register)
  }
  return pcrs
}

function readCabundle(value: CborValue): readonly Uint8Array[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new FormatError('ERR_DOCUMENT_CABUNDLE', 'cabundle is not an array of certificates')
  }
  return value.map((item) => readCertificate(item, 'ERR_DOCUMENT_CABUNDLE'))
}

function readCertificate(
  value: CborValue,
  code: 'ERR_DOCUMENT_CERTIFICATE' | 'ERR_DOCUMENT_CABUNDLE',
): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length > MAX_CERTIFICATE_LENGTH) {
    throw new FormatError(code, `a certificate is not a byte string of 1 to ${MAX_CERTIFICATE_LENGTH} bytes`)
  }
  return value
}
