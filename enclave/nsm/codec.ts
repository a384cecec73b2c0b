/**
 * The Nitro Secure Module's CBOR (aws-nitro-enclaves-nsm-api, src/api/mod.rs as serde_cbor writes it): unit
 * variants are texts, others maps of one entry, named by the variant. Fields are looked up by name, their order
 * is nobody's promise; unknown fields are tolerated, unknown variants refused by name.
 */
import { type CborValue, decodeCbor } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { FormatError, type NsmCode, NsmError } from '../../shared/errors.js'
import type { NsmDigest, NsmRequest, NsmResponse } from './requests.js'

/** Bytes of a request at most (linux drivers/misc/nsm.c, NSM_REQUEST_MAX_SIZE). */
export const MAX_REQUEST_LENGTH = 0x1000
/** Bytes of a response at most (NSM_RESPONSE_MAX_SIZE). */
export const MAX_RESPONSE_LENGTH = 0x3000

/** The API's error names and our codes for them. */
export const NSM_ERRORS: Readonly<Record<string, NsmCode>> = {
  InvalidArgument: 'ERR_NSM_INVALID_ARGUMENT',
  InvalidIndex: 'ERR_NSM_INVALID_INDEX',
  InvalidResponse: 'ERR_NSM_INVALID_RESPONSE',
  ReadOnlyIndex: 'ERR_NSM_READ_ONLY_INDEX',
  InvalidOperation: 'ERR_NSM_INVALID_OPERATION',
  BufferTooSmall: 'ERR_NSM_BUFFER_TOO_SMALL',
  InputTooLarge: 'ERR_NSM_INPUT_TOO_LARGE',
  InternalError: 'ERR_NSM_INTERNAL_ERROR',
}

/** Throws NsmError ERR_NSM_INPUT_TOO_LARGE over 4,096 bytes, ERR_NSM_INVALID_ARGUMENT for a number beyond 16 bits. */
export function encodeRequest(request: NsmRequest): Uint8Array {
  const bytes = encodeCbor(requestValue(request))
  if (bytes.length > MAX_REQUEST_LENGTH) {
    throw new NsmError(
      'ERR_NSM_INPUT_TOO_LARGE',
      `a request of ${bytes.length} bytes; the module takes ${MAX_REQUEST_LENGTH}`,
    )
  }
  return bytes
}

/** Throws NsmError: the module's own error, or ERR_NSM_INVALID_RESPONSE for what is no response at all. */
export function decodeResponse(bytes: Uint8Array): NsmResponse {
  try {
    return readResponse(decodeCbor(bytes, { maxBytes: MAX_RESPONSE_LENGTH }))
  } catch (error) {
    if (error instanceof FormatError) throw invalid(error.message)
    throw error
  }
}

function requestValue(request: NsmRequest): CborValue {
  switch (request.type) {
    case 'DescribeNSM':
    case 'GetRandom':
      return request.type
    case 'DescribePCR':
    case 'LockPCR':
      return variant(request.type, [['index', argument('index', request.index)]])
    case 'ExtendPCR':
      return variant(request.type, [
        ['index', argument('index', request.index)],
        ['data', request.data],
      ])
    case 'LockPCRs':
      return variant(request.type, [['range', argument('range', request.range)]])
    case 'Attestation':
      return variant(request.type, [
        ['user_data', request.userData ?? null],
        ['nonce', request.nonce ?? null],
        ['public_key', request.publicKey ?? null],
      ])
  }
}

/** The API's numbers have 16 bits: what does not fit never reaches the module. */
function argument(name: string, value: number): number {
  if (!Number.isInteger(value) || !isNumber(value))
    throw new NsmError('ERR_NSM_INVALID_ARGUMENT', `${name} is not an integer from 0 to 65535`)
  return value
}

function variant(name: string, fields: [string, CborValue][]): CborValue {
  return new Map([[name, new Map(fields)]])
}

function readResponse(value: CborValue): NsmResponse {
  if (value === 'LockPCR' || value === 'LockPCRs') return { type: value }
  if (!(value instanceof Map) || value.size !== 1) throw invalid(`an unknown form: ${nameOf(value)}`)
  const [entry] = value
  if (entry === undefined) throw invalid('an empty map')
  return readVariant(String(entry[0]), entry[1])
}

function nameOf(value: CborValue): string {
  return typeof value === 'string' ? quoted(value) : 'neither a text nor a map of one entry'
}

/** For messages: bounded, and with nothing in it that a terminal would obey. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64)).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function readVariant(name: string, content: CborValue): NsmResponse {
  if (name === 'Error') throw refusal(content)
  if (!(content instanceof Map)) throw invalid(`${quoted(name)} holds no map`)
  const fields: ReadonlyMap<unknown, CborValue> = content
  switch (name) {
    case 'DescribeNSM':
      return {
        type: name,
        versionMajor: number(fields, 'version_major'),
        versionMinor: number(fields, 'version_minor'),
        versionPatch: number(fields, 'version_patch'),
        moduleId: text(fields, 'module_id'),
        maxPcrs: number(fields, 'max_pcrs'),
        lockedPcrs: numbers(fields, 'locked_pcrs'),
        digest: digest(fields, 'digest'),
      }
    case 'GetRandom':
      return { type: name, random: bytesOf(fields, 'random') }
    case 'DescribePCR':
      return { type: name, lock: flag(fields, 'lock'), data: bytesOf(fields, 'data') }
    case 'ExtendPCR':
      return { type: name, data: bytesOf(fields, 'data') }
    case 'Attestation':
      return { type: name, document: bytesOf(fields, 'document') }
    default:
      throw invalid(`an unknown response ${quoted(name)}`)
  }
}

function refusal(name: CborValue): NsmError {
  const code = typeof name === 'string' && Object.hasOwn(NSM_ERRORS, name) ? NSM_ERRORS[name] : undefined
  if (code === undefined) return invalid(`an unknown error ${nameOf(name)}`)
  return new NsmError(code, `the Nitro Secure Module refused: ${String(name)}`)
}

type Fields = ReadonlyMap<unknown, CborValue>

function number(fields: Fields, name: string): number {
  const value = fields.get(name)
  if (!isNumber(value)) throw invalid(`${name} is not a number of 16 bits`)
  return value
}

function isNumber(value: CborValue | undefined): value is number {
  return typeof value === 'number' && value >= 0 && value <= 0xffff
}

function numbers(fields: Fields, name: string): readonly number[] {
  const value = fields.get(name)
  if (!Array.isArray(value) || !value.every(isNumber)) throw invalid(`${name} is not an array of numbers`)
  return value
}

function text(fields: Fields, name: string): string {
  const value = fields.get(name)
  if (typeof value !== 'string') throw invalid(`${name} is not a text`)
  return value
}

function digest(fields: Fields, name: string): NsmDigest {
  const value = fields.get(name)
  if (value !== 'SHA256' && value !== 'SHA384' && value !== 'SHA512')
    throw invalid(`${name} is not a known digest`)
  return value
}

function flag(fields: Fields, name: string): boolean {
  const value = fields.get(name)
  if (typeof value !== 'boolean') throw invalid(`${name} is not a boolean`)
  return value
}

function bytesOf(fields: Fields, name: string): Uint8Array {
  const value = fields.get(name)
  if (!(value instanceof Uint8Array)) throw invalid(`${name} is not a byte string`)
  return value
}

function invalid(what: string): NsmError {
  return new NsmError(
    'ERR_NSM_INVALID_RESPONSE',
    `the Nitro Secure Module's answer is not understood: ${what}`,
  )
}
