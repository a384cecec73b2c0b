/** Calls and answers as JSON and back, with what JSON has not: bytes, dates, maps, errors. Runs in Node and in the page. */
import { fromBase64 } from '../../shared/bytes.js'

type Sent = null | boolean | number | string | readonly Sent[] | { readonly [kind: string]: Sent }

export function toJson(value: unknown): string {
  return JSON.stringify(toSent(value))
}

export function fromJson(text: string): unknown {
  return fromSent(JSON.parse(text) as Sent)
}

/** Everything but an array, a text, a flag and an ordinary number is an object of one entry, named by its kind. */
function toSent(value: unknown): Sent {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (value === undefined) return { undefined: null }
  if (typeof value === 'bigint') return { bigint: value.toString() }
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { number: Object.is(value, -0) ? '-0' : String(value) }
  }
  if (value instanceof Uint8Array) {
    // By a copy: a subclass of a test may do more than give its bytes.
    return { [value.buffer instanceof ArrayBuffer ? 'bytes' : 'shared']: toBase64(Uint8Array.from(value)) }
  }
  if (value instanceof ArrayBuffer) return { buffer: toBase64(new Uint8Array(value)) }
  if (value instanceof Date) return { date: toSent(value.getTime()) }
  if (value instanceof Map) return { map: toSent([...value]) }
  if (value instanceof Set) return { set: toSent([...value]) }
  if (Array.isArray(value)) return value.map(toSent)
  if (value instanceof Error) {
    return {
      error: toSent({ name: value.name, code: 'code' in value && value.code, message: value.message }),
    }
  }
  if (value instanceof Promise) return { promise: null }
  if (isPlain(value)) return { object: toSent(Object.entries(value)) }
  throw new Error(`this ${typeof value} is not sent`)
}

export function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Arguments of one call of String.fromCharCode: engines differ in how many they take. */
const CHUNK = 8192

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK))
  }
  return btoa(binary)
}

function fromSent(sent: Sent): unknown {
  if (Array.isArray(sent)) return sent.map(fromSent)
  if (typeof sent !== 'object' || sent === null) return sent
  const [[kind, content] = ['', null]] = Object.entries(sent)
  const inner = fromSent(content)
  switch (kind) {
    case 'undefined':
      return undefined
    case 'bigint':
      return BigInt(inner as string)
    case 'number':
      return Number(inner)
    case 'bytes':
      return fromBase64(inner as string)
    case 'shared':
      return sharedCopy(fromBase64(inner as string) ?? new Uint8Array(0))
    case 'buffer':
      return fromBase64(inner as string)?.buffer
    case 'date':
      return new Date(inner as number)
    case 'map':
      return new Map(inner as [unknown, unknown][])
    case 'set':
      return new Set(inner as unknown[])
    case 'error': {
      const { name, code, message } = inner as Record<string, string>
      return Object.assign(new Error(message), { name, code })
    }
    case 'promise':
      return Promise.resolve()
    case 'object':
      return Object.fromEntries(inner as [string, unknown][])
    default:
      throw new Error(`a ${kind} is not received`)
  }
}

/** The same bytes in memory that threads share. */
function sharedCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}
