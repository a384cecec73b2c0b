/** Zod's verdict in this house's words, and what of a mapping is good although not all of it is. */
import * as z from 'zod'
import { NitroEnclaveError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'
import { nearestName } from './nearest-name.js'
import type { Path, Report } from './problems.js'

type Mapping = Readonly<Record<string, unknown>>
type Issue = z.core.$ZodIssue

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  array: 'a list',
  object: 'a mapping',
}

const kindOf = (value: unknown): string => {
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') return shown(value)
  return Array.isArray(value) ? 'a list' : 'a mapping'
}

/** `a whole number from 1 to 5, not "x"` */
const instead = (wanted: string, value: unknown): string =>
  value === undefined || value === null ? `missing: ${wanted}` : `${wanted}, not ${kindOf(value)}`

/**
 * A schema of what `read` makes of a value. Where it gives undefined, the problem is that the value is not `wanted`;
 * an error of this SDK that it throws is the problem itself.
 */
export const reading = <T>(wanted: string, read: (value: unknown) => T | undefined) =>
  z.unknown().transform((input, context): T => {
    let message = instead(wanted, input)
    try {
      const value = read(input)
      if (value !== undefined) return value
    } catch (error) {
      if (!(error instanceof NitroEnclaveError)) throw error
      message = error.message
    }
    context.issues.push({ code: 'custom', message, input })
    return z.NEVER
  })

const wordsOf = (issue: Issue, value: unknown): string => {
  switch (issue.code) {
    case 'invalid_type':
      return instead(KINDS[issue.expected] ?? `a value of type ${issue.expected}`, value)
    case 'invalid_value':
      return instead(`one of ${issue.values.join(', ')}`, value)
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? instead(`one of ${issue.options.join(', ')}`, value)
        : issue.message
    case 'invalid_format':
      return instead(issue.message, value)
    default:
      return issue.message
  }
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((within, step) => (within as Record<PropertyKey, unknown> | undefined)?.[step], value)

/** The keys that the schema knows at `path`. */
const keysAt = (schema: unknown, path: Path): readonly string[] => {
  if (schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path))
  const [step, ...rest] = path
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest)
  if (!(schema instanceof z.ZodObject)) return []
  return step === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[String(step)], rest)
}

const unknownKey = (key: string, known: readonly string[]): string => {
  if (known.includes(key)) return 'it does not go with the other keys here'
  const nearest = nearestName(key, known)
  return nearest === undefined ? 'unknown key' : `unknown key: did you mean ${nearest}?`
}

/** What is good in `value`, by its keys: all of them are there if nothing is reported. */
export const readMapping = <S extends z.ZodRawShape>(
  schema: z.ZodObject<S, z.core.$strict>,
  value: unknown,
  at: Path,
  report: Report,
): Partial<z.output<z.ZodObject<S, z.core.$strict>>> => {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const bad = new Set<PropertyKey | undefined>()
  for (const issue of parsed.error.issues) {
    const path = [...at, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, issue.path)
      for (const key of issue.keys) report([...path, key], unknownKey(key, known), 'key')
      if (issue.path.length === 0) for (const key of issue.keys) bad.add(key)
    } else {
      report(path, wordsOf(issue, valueAt(value, issue.path)))
    }
    bad.add(issue.path[0])
  }
  if (!isMapping(value)) return {}
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => !bad.has(key)))
  const again = schema.partial().safeParse(rest)
  return again.success ? (again.data as Partial<z.output<z.ZodObject<S, z.core.$strict>>>) : {}
}
