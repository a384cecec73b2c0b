/**
 * The members of a request in AWS JSON 1.1, held to the constraints of KMS's model. Null stands for an absent member,
 * and unknown ones are passed over. Source: KMS API Reference, "Request Parameters" of each operation.
 */
import { constraints, serialization } from './errors.js'

/** Of a text's characters, of a blob's bytes, of an integer. `min` is 1 unless given. */
export interface Bounds {
  readonly min?: number
  readonly max: number
}

export interface TextConstraints extends Bounds {
  readonly pattern?: RegExp
}

/**
 * Gives what `read` takes out of a request. Throws KmsError SerializationException at the first member of a wrong
 * type, ValidationException that counts every broken constraint.
 */
export function readRequest<T>(input: unknown, read: (request: RequestReader) => T): T {
  const broken: string[] = []
  // Of a required member that is missing, `read` sees undefined; whoever called never does.
  const result = read(new RequestReader(structure(input, 'The request') ?? {}, '', broken))
  if (broken.length > 0) throw constraints(broken)
  return result
}

export class RequestReader {
  readonly #members: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #broken: string[]

  constructor(members: Readonly<Record<string, unknown>>, path: string, broken: string[]) {
    this.#members = members
    this.#path = path
    this.#broken = broken
  }

  structure(name: string): RequestReader | undefined {
    const members = structure(this.#value(name), name)
    return members && new RequestReader(members, `${this.#at(name)}.`, this.#broken)
  }

  text(name: string, { pattern, ...bounds }: TextConstraints): string | undefined {
    const value = string(this.#value(name), name)
    if (value === undefined) return undefined
    const quoted = `'${value}' `
    this.#bound(name, quoted, 'length', value.length, bounds)
    if (pattern !== undefined && !pattern.test(value)) {
      this.#break(name, quoted, `satisfy regular expression pattern: ${pattern.source}`)
    }
    return value
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = string(this.#value(name), name)
    if (value === undefined || values.includes(value as T)) return value as T | undefined
    this.#break(name, `'${value}' `, `satisfy enum value set: [${values.join(', ')}]`)
    return undefined
  }

  integer(name: string, bounds: Bounds): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    // invented: AWS does not publish this text
    if (typeof value !== 'number' || (value | 0) !== value) throw serialization(`${name} must be an integer`)
    this.#bound(name, `'${value}' `, 'value', value, bounds)
    return value
  }

  flag(name: string): boolean {
    const value = this.#value(name) ?? false
    // invented: AWS does not publish this text
    if (typeof value !== 'boolean') throw serialization(`${name} must be a boolean`)
    return value
  }

  blob(name: string, bounds: Bounds): Buffer | undefined {
    const text = string(this.#value(name), name)
    if (text === undefined) return undefined
    const bytes = Buffer.from(text, 'base64')
    // invented: AWS does not publish this text
    if (bytes.toString('base64') !== text) throw serialization(`${name} must be base64`)
    this.#bound(name, '', 'length', bytes.length, bounds)
    return bytes
  }

  /** `each`: bounds of an item's length. */
  texts(name: string, { max }: Bounds, each: Bounds): readonly string[] {
    const items = this.#list(name, max).map((item) => string(item, name))
    const tooLong = items.some((item = '') => item.length < (each.min ?? 1) || item.length > each.max)
    if (tooLong) {
      const allowed = `less than or equal to ${each.max}, Member must have length greater than or equal to ${each.min ?? 1}`
      this.#break(name, '', `satisfy constraint: [Member must have length ${allowed}]`)
    }
    return items.map((item = '') => item)
  }

  manyOf<const T extends string>(name: string, bounds: Bounds, values: readonly T[]): readonly T[] {
    const items = this.#list(name, bounds.max).map((item) => string(item, name))
    const known = items.map((item) => values.find((one) => one === item)).filter((one) => one !== undefined)
    if (known.length === items.length) return known
    this.#break(name, '', `satisfy constraint: [Member must satisfy enum value set: [${values.join(', ')}]]`)
    return []
  }

  structures(name: string, { max }: Bounds): readonly RequestReader[] {
    return this.#list(name, max).map((item, index) => {
      const path = `${this.#at(name)}.${index + 1}.member.`
      return new RequestReader(structure(item, name) ?? {}, path, this.#broken)
    })
  }

  /** Texts by name, as in an encryption context. */
  map(name: string): Readonly<Record<string, string>> | undefined {
    const members = structure(this.#value(name), name)
    if (members === undefined) return undefined
    return Object.fromEntries(
      Object.entries(members).map(([key, value]) => {
        // invented: AWS does not publish this text
        if (typeof value !== 'string') throw serialization(`${name} must have strings only`)
        return [key, value]
      }),
    )
  }

  /** `value`, which must be there. */
  required<T>(name: string, value: T | undefined): T {
    if (this.#value(name) === undefined) this.#break(name, 'null ', 'not be null')
    return value as T
  }

  #list(name: string, max: number): readonly unknown[] {
    const value = this.#value(name) ?? []
    // invented: AWS does not publish this text
    if (!Array.isArray(value)) throw serialization(`${name} must be a list`)
    if (value.length > max) this.#break(name, '', `have length less than or equal to ${max}`)
    return value
  }

  #bound(name: string, value: string, measure: 'length' | 'value', size: number, { min = 1, max }: Bounds) {
    if (size < min) this.#break(name, value, `have ${measure} greater than or equal to ${min}`)
    if (size > max) this.#break(name, value, `have ${measure} less than or equal to ${max}`)
  }

  #break(name: string, value: string, what: string): void {
    this.#broken.push(
      `Value ${value}at '${this.#at(name)}' failed to satisfy constraint: Member must ${what}`,
    )
  }

  /** Own members only: "constructor" is none. */
  #value(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? (this.#members[name] ?? undefined) : undefined
  }

  #at(name: string): string {
    return `${this.#path}${name.charAt(0).toLowerCase()}${name.slice(1)}`
  }
}

function structure(value: unknown, name: string): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined
  // invented: AWS does not publish this text
  if (typeof value !== 'object' || Array.isArray(value)) throw serialization(`${name} must be a structure`)
  return value as Readonly<Record<string, unknown>>
}

function string(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined
  // invented: AWS does not publish this text
  if (typeof value !== 'string') throw serialization(`${name} must be a string`)
  return value
}
