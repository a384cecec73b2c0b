/** Strict reading of JSON: whatever a policy's reader does not ask for is an error that names its place. */
import { UsageError } from '../../../shared/errors.js'
import { duplicateMember } from '../../../shared/json-duplicates.js'

/** JSON text with no member twice in one object, or what was parsed before. */
export function parsed(json: unknown): unknown {
  return typeof json === 'string' ? parseJson(json) : json
}

export function text(value: unknown, path: string): string {
  if (typeof value !== 'string') fail(path, 'must be a string')
  return value
}

/** Text without policy variables, which would need a request context that is not there. */
export function literal(value: unknown, path: string): string {
  const string = text(value, path)
  if (string.includes('${')) fail(path, 'has a policy variable, which is not supported')
  return string
}

/** One item, or a list with at least one. */
export function list<T>(value: unknown, path: string, item: (value: unknown, path: string) => T): T[] {
  if (value === undefined) fail(path, 'is missing')
  if (!Array.isArray(value)) return [item(value, path)]
  if (value.length === 0) fail(path, 'must not be empty')
  return value.map((one, index) => item(one, `${path}[${index}]`))
}

/** An object with at least one member. */
export function entries(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'must be an object')
  const found = Object.entries(value)
  if (found.length === 0) fail(path, 'must not be empty')
  return found
}

/** An object that has none but these members. */
export function members<K extends string>(
  value: unknown,
  path: string,
  known: readonly K[],
): { [_ in K]?: unknown } {
  const found = entries(value, path)
  for (const [key] of found) {
    if (!known.includes(key as K)) fail(path === 'policy' ? key : `${path}.${key}`, 'is not supported')
  }
  return Object.fromEntries(found) as { [_ in K]?: unknown }
}

export function fail(path: string, what: string): never {
  throw new UsageError('ERR_IAM_POLICY', `${path} ${what}`)
}

function parseJson(source: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    fail('policy', 'is not JSON')
  }
  // A condition could vanish.
  const twice = duplicateMember(source)?.at(-1)
  if (twice !== undefined) fail(twice, 'appears twice in one object')
  return value
}
