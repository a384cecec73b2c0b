/** The proxy's configuration file: YAML, read strictly, every problem told at once with its place. */
import { UsageError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { type Allowlist, type AllowlistEntry, createAllowlist, type Target } from './allowlist.js'
import { type ListenPlace, sameSocket } from './config/address.js'
import { readBounded } from './config/bounded-file.js'
import { readDocument } from './config/document.js'
import { isMapping, readMapping } from './config/issues.js'
import { buildListener, checkListener, type ListenerConfig, objection } from './config/listener.js'
import { configError, located, type Problem, type Report } from './config/problems.js'
import { allowlistEntrySchema, type ListenerFields, listenerSchema, proxySchema } from './config/schema.js'
import type { LogLevel } from './log.js'

export type { ListenerConfig } from './config/listener.js'

export interface ProxyConfig {
  readonly allowlist: readonly AllowlistEntry[]
  readonly listeners: readonly ListenerConfig[]
  /** Open at once, all listeners together. */
  readonly maxConnections?: number
  /** Of one CID, all listeners together. */
  readonly maxConnectionsPerCid?: number
  /** Milliseconds that open connections have to end by themselves, default 30,000. */
  readonly drainTimeout: number
  /** On loopback only: metrics and status. */
  readonly monitor?: Target
  /** servers: `IP` or `IP:PORT`; by default those of the system. */
  readonly dns: { readonly servers?: readonly string[] }
  /** Default info. */
  readonly log: { readonly level: LogLevel }
}

/** Where the file stands unless somebody says otherwise. */
export const DEFAULT_CONFIG = '/etc/nitro_enclaves/proxy.yaml'

/** Bytes. */
const MAX_SIZE = 1024 * 1024
const DRAIN_TIMEOUT = 30_000

const tooLarge = (file: string): UsageError =>
  configError(file, [{ line: 1, column: 1, message: `it has more than ${MAX_SIZE} bytes` }])

/** The entries that are good, and what they allow if all of them are; `items` is undefined for no list at all. */
const readAllowlist = (items: readonly unknown[] | undefined, report: Report) => {
  const entries: AllowlistEntry[] = []
  if (items === undefined) return { entries, allowlist: undefined }
  for (const [index, item] of items.entries()) {
    const { address, port } = readMapping(allowlistEntrySchema, item, ['allowlist', index], report)
    if (address === undefined || port === undefined) continue
    const entry = { address, port }
    const objected = objection(() => createAllowlist([entry]))
    if (objected === undefined) entries.push(entry)
    else report(['allowlist', index, 'address'], objected)
  }
  const allowlist: Allowlist | undefined =
    entries.length === items.length ? createAllowlist(entries) : undefined
  return { entries, allowlist }
}

/**
 * Reads the text of a configuration; `file` is its name in messages, of one line `FILE:LINE:COLUMN: …` a problem.
 * Throws UsageError ERR_PROXY_CONFIG.
 */
export const parseConfig = (text: string, file: string): ProxyConfig => {
  if (Buffer.byteLength(text) > MAX_SIZE) throw tooLarge(file)
  const reading = readDocument(text)
  if (!('document' in reading)) throw configError(file, reading.problems)
  const { value, place } = reading.document
  if (value === null) throw configError(file, [{ line: 1, column: 1, message: 'it is empty: what listens?' }])
  const problems: Problem[] = [...reading.document.problems]
  const report: Report = (path, message, part) => {
    problems.push({ ...place(path, part), message: located(path, message) })
  }

  const fields = readMapping(proxySchema, value, [], report)
  const listed = isMapping(value) && 'allowlist' in value ? fields.allowlist : []
  const { entries, allowlist } = readAllowlist(listed, report)
  const perCid = fields.maxConnectionsPerCid !== undefined
  // Whole as soon as there is no problem; before, nobody builds of them.
  const found: { fields: ListenerFields; place: ListenPlace; index: number }[] = []
  for (const [index, item] of (fields.listeners ?? []).entries()) {
    const at = ['listeners', index]
    const own = readMapping(listenerSchema, item, at, report)
    const spot = checkListener(item, own, at, { allowlist, perCid }, report)
    if (spot === undefined) continue
    const other = found.find((one) => sameSocket(one.place, spot))
    if (other) report([...at, 'listen'], `listeners[${other.index}] listens there already`)
    found.push({ fields: own as ListenerFields, place: spot, index })
  }
  if (problems.length > 0) throw configError(file, problems)

  const { maxConnections, maxConnectionsPerCid, monitor, dns, log } = fields
  return {
    allowlist: entries,
    listeners: found.map((one) => buildListener(one.fields, one.place)),
    ...(maxConnections !== undefined && { maxConnections }),
    ...(maxConnectionsPerCid !== undefined && { maxConnectionsPerCid }),
    drainTimeout: fields.drainTimeout ?? DRAIN_TIMEOUT,
    ...(monitor !== undefined && { monitor }),
    dns: dns?.servers === undefined ? {} : { servers: dns.servers },
    log: { level: log?.level ?? 'info' },
  }
}

const cannotBeRead = (file: string, error: unknown): UsageError => {
  const [reason = ''] = (error as NodeJS.ErrnoException).message.split(',', 1)
  const words = `${withoutControls(file)}: cannot be read: ${reason}`
  return new UsageError('ERR_PROXY_CONFIG', words, { cause: error })
}

/** Reads the file at `path`. Throws UsageError ERR_PROXY_CONFIG as parseConfig does, and where it cannot be read. */
export const readConfig = async (path: string): Promise<ProxyConfig> => {
  const bytes = await readBounded(path, MAX_SIZE).catch((error: unknown) => {
    throw cannotBeRead(path, error)
  })
  if (bytes.length > MAX_SIZE) throw tooLarge(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw configError(path, [{ line: 1, column: 1, message: 'it is not UTF-8' }])
  }
  return parseConfig(text, path)
}
