/**
 * The metadata section: JSON that is not measured. Source: aws-nitro-enclaves-image-format, src/defs (EifIdentityInfo),
 * EIF v4.
 */
import { FormatError } from '../shared/errors.js'

/** Bytes; what a reader lets in. */
const MAX_LENGTH = 1024 * 1024
/** Objects and arrays inside one another; JSON.stringify would run out of stack somewhere beyond 1,000. */
const MAX_DEPTH = 100

export interface BuildMetadata {
  /** ISO 8601. */
  readonly BuildTime: string
  readonly BuildTool: string
  readonly BuildToolVersion: string
  readonly OperatingSystem: string
  readonly KernelVersion: string
}

export interface EifMetadata {
  readonly ImageName: string
  readonly ImageVersion: string
  readonly BuildMetadata: BuildMetadata
  /** What `docker inspect` says of the image that the file system is from; null when there was none. */
  readonly DockerInfo: unknown
  /** The builder's own. nitro-cli can describe an object and null, nothing else. */
  readonly CustomMetadata: unknown
}

export type JsonObject = Readonly<Record<string, unknown>>

/** The section's bytes. Throws FormatError ERR_EIF_METADATA for what would not be read again. */
export function writeMetadata(metadata: EifMetadata): Buffer {
  try {
    const bytes = Buffer.from(JSON.stringify(metadata))
    readMetadata(bytes)
    return bytes
  } catch (error) {
    const why = error instanceof FormatError ? error.message : 'it has no JSON: a cycle, or nested too deeply'
    throw new FormatError('ERR_EIF_METADATA', `the metadata cannot be written: ${why}`)
  }
}

/** Reads any JSON object: whoever built the image chose its members. Throws FormatError ERR_EIF_METADATA. */
export function readMetadata(bytes: Uint8Array): JsonObject {
  if (bytes.length > MAX_LENGTH) {
    throw malformed(`it has ${bytes.length} bytes, of which at most ${MAX_LENGTH} are read`)
  }
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    throw malformed('it is not JSON')
  }
  if (!isObject(value)) throw malformed('it is not a JSON object')
  if (depthOf(text) > MAX_DEPTH) throw malformed(`it is nested deeper than ${MAX_DEPTH}`)
  return value
}

/**
 * The metadata as `nitro-cli describe-eif` shows it: name and version apart, the build's facts beside DockerInfo and
 * the members of CustomMetadata. What the image does not have, or has in another form, is left out.
 */
export function describeMetadata(metadata: JsonObject): JsonObject {
  const build = isObject(metadata.BuildMetadata) ? metadata.BuildMetadata : {}
  const custom = metadata.CustomMetadata
  const own = {
    ...pick(build, ['BuildTime', 'BuildTool', 'BuildToolVersion', 'OperatingSystem', 'KernelVersion']),
    ...pick(metadata, ['DockerInfo']),
  }
  if (custom === undefined || custom === null) return own
  // A member that has a name of the build's own must not replace it.
  return isObject(custom) ? { ...own, ...custom, ...own } : { ...own, CustomMetadata: custom }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]))
}

/** Of valid JSON. */
function depthOf(text: string): number {
  let deepest = 0
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (inString && character === '\\') index += 1
    else if (character === '"') inString = !inString
    else if (inString) continue
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth)
    else if (character === '}' || character === ']') depth -= 1
  }
  return deepest
}

function malformed(why: string): FormatError {
  return new FormatError('ERR_EIF_METADATA', why)
}
