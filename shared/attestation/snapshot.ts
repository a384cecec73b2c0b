/**
 * Options as they stood at the moment of the call: each is read once, and copied. What a caller changes, loses or
 * inherits afterwards asks for nothing else, and nothing less.
 */
import { UsageError } from '../errors.js'
import { isPlain } from '../plain.js'
import { shown } from '../printable.js'
import { ENCLAVE_VERIFY_OPTIONS } from './options.js'

/**
 * The own members of `options`, in an object that inherits nothing. Throws UsageError ERR_USAGE for a name that is not
 * among `known`, and for a member that is there and undefined: a requirement that was lost on its way would ask for nothing.
 */
export function snapshotOf<Options extends object>(options: Options, known: readonly string[]): Options {
  if (!isPlain(options) || Array.isArray(options)) {
    throw new UsageError('ERR_USAGE', 'options is not a plain object')
  }
  const snapshot: Record<string, unknown> = Object.create(null)
  for (const name of Reflect.ownKeys(options)) {
    if (typeof name !== 'string' || !known.includes(name)) {
      throw new UsageError('ERR_USAGE', misplaced(name))
    }
    const value: unknown = Reflect.get(options, name)
    if (value === undefined) {
      throw new UsageError('ERR_USAGE', `${name} is undefined; what is not asked for must be left out`)
    }
    snapshot[name] = copyOf(value, name)
  }
  return snapshot as Options
}

function misplaced(name: string | symbol): string {
  return typeof name === 'string' && ENCLAVE_VERIFY_OPTIONS.includes(name)
    ? `${name} is for the documents of enclaves; a NitroTPM has nothing of the kind`
    : `${shown(name)} is not an option of this verification`
}

/** A copy that nobody else has. Throws UsageError ERR_USAGE when `value` is no Uint8Array. */
export function ownBytes(value: unknown, name: string): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) {
    try {
      return new Uint8Array(value)
    } catch {
      // Something that only claims to be one.
    }
  }
  throw new UsageError('ERR_USAGE', `${name} is not a Uint8Array`)
}

function copyOf(value: unknown, name: string): unknown {
  if (value instanceof Uint8Array) return ownBytes(value, name)
  if (value instanceof Date) return new Date(value.getTime())
  // With its holes filled: each is a value that was lost.
  if (Array.isArray(value)) return Array.from(value, (item: unknown) => copyOf(item, name))
  if (!isPlain(value)) return value
  const copy: Record<string, unknown> = Object.create(null)
  for (const member of Object.getOwnPropertyNames(value)) {
    copy[member] = copyOf(Reflect.get(value, member), name)
  }
  return copy
}
