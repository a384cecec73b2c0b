/** What is wrong with a configuration file: every problem with its place, one line each. */
import { UsageError } from '../../shared/errors.js'
import { withoutControls } from '../../shared/printable.js'

export type Path = readonly PropertyKey[]

/** Counted from 1; columns in UTF-16 units. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface Problem extends Place {
  readonly message: string
}

/** Says what is wrong with the value at `path`, or with its key. */
export type Report = (path: Path, message: string, part?: 'value' | 'key') => void

/** Lines of one refusal: nobody mends more in one go. */
const MAX_LINES = 100
/** Characters of a key, and of a whole message, which may quote the file. */
const MAX_KEY = 64
const MAX_MESSAGE = 400

/** `listeners[1].queue`; empty for the whole file. */
const pathText = (path: Path): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step).slice(0, MAX_KEY)}`))
    .join('')
    .replace(/^\./, '')

/** What is wrong, after where. */
export const located = (path: Path, message: string): string => {
  const name = pathText(path)
  return name === '' ? message : `${name}: ${message}`
}

const oneLine = (message: string): string =>
  withoutControls(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message)

/** `FILE:LINE:COLUMN: MESSAGE` for each problem, in the order of the file. */
export const configError = (file: string, problems: readonly Problem[]): UsageError => {
  const name = withoutControls(file)
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  const lines = sorted.map(({ line, column, message }) => `${name}:${line}:${column}: ${oneLine(message)}`)
  const shown = [...new Set(lines)]
  const more = shown.length - MAX_LINES
  const rest = more > 0 ? [`${name}: and ${more} more`] : []
  return new UsageError('ERR_PROXY_CONFIG', [...shown.slice(0, MAX_LINES), ...rest].join('\n'))
}
