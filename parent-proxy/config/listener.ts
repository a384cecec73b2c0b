/** One listener of the configuration: what its keys say of one another, and what the proxy is told of it. */
import { NitroEnclaveError } from '../../shared/errors.js'
import type { VsockAddress, VsockTransport } from '../../shared/vsock/index.js'
import type { Allowlist, Target } from '../allowlist.js'
import type { CredentialsConfig } from '../credentials/config.js'
import { DEFAULTS } from '../options.js'
import type { AddressPreference } from '../resolver.js'
import { type ListenPlace, listenPlace } from './address.js'
import { isMapping } from './issues.js'
import type { Path, Report } from './problems.js'
import type { ListenerFields } from './schema.js'

interface CommonListener {
  /** In logs, metrics and a reload: the text of `listen`, with the CID in it where `cid` chose the socket. */
  readonly name: string
  readonly listen: VsockAddress & { readonly transport: VsockTransport; readonly backlog: number }
  readonly kind: 'vsock' | 'unix' | 'hybrid'
  /** Whose connections these are, on unix and hybrid. */
  readonly cid?: number
  /** The CIDs that may connect; all of them without. */
  readonly from?: readonly number[]
  readonly maxConnections: number
  readonly maxConnectionsPerCid?: number
  /** Connections that may wait for a place. */
  readonly queue: number
}

/** Times are milliseconds. */
interface TunnelListener extends CommonListener {
  readonly to: Target
  readonly connectTimeout: number
  readonly idleTimeout: number
  readonly halfOpenTimeout: number
  readonly dns: { readonly ttl?: number; readonly prefer?: AddressPreference }
}

interface CredentialsListener extends CommonListener {
  readonly credentials: CredentialsConfig
}

export type ListenerConfig = TunnelListener | CredentialsListener

const BACKLOG = 4096

/** Of no use to a listener that serves credentials. */
const ONLY_WITH_TO = ['connectTimeout', 'idleTimeout', 'halfOpenTimeout', 'dns'] as const

export interface Surroundings {
  /** Undefined while an entry of it is wrong: then it is no measure for others. */
  readonly allowlist: Allowlist | undefined
  /** The whole proxy counts connections by CID. */
  readonly perCid: boolean
}

/** What an error of this SDK says, undefined if there is none. */
export const objection = (check: () => void): string | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    if (!(error instanceof NitroEnclaveError)) throw error
    return error.message
  }
}

/** `raw` tells what is given, `fields` what is good. Returns where it would listen, if that can be said. */
export const checkListener = (
  raw: unknown,
  fields: Partial<ListenerFields>,
  at: Path,
  { allowlist, perCid }: Surroundings,
  report: Report,
): ListenPlace | undefined => {
  const given = (key: keyof ListenerFields): boolean => isMapping(raw) && key in raw
  const refuse = (key: keyof ListenerFields, message: string, part?: 'key') =>
    report([...at, key], message, part)
  const { listen, cid, from, to } = fields

  if (isMapping(raw) && given('to') === given('credentials')) {
    report(at, `exactly one of to and credentials${given('to') ? ', not both' : ''}`)
  }
  if (given('credentials')) {
    for (const key of ONLY_WITH_TO)
      if (given(key)) refuse(key, 'it goes with to, not with credentials', 'key')
  }
  if (to !== undefined) {
    const objected = objection(() => allowlist?.check(to))
    if (objected !== undefined) refuse('to', objected)
  }
  if (listen === undefined) return undefined

  if (listen.parsed.kind === 'kernel') {
    if (given('cid'))
      refuse('cid', 'on vsock the kernel says whose connection it is; from names who may connect', 'key')
  } else if (!given('cid')) {
    const why = 'needs cid beside it: this socket does not tell whose connection it is'
    if (given('from')) refuse('from', why, 'key')
    if (given('maxConnectionsPerCid')) refuse('maxConnectionsPerCid', why, 'key')
    if (perCid)
      refuse('listen', `cid is missing: the proxy's maxConnectionsPerCid counts these connections, too`)
  } else if (cid !== undefined && from !== undefined && !from.includes(cid)) {
    refuse('from', `cid ${cid} is not in it: nobody could connect`)
  }

  let place: ListenPlace | undefined
  const objected = objection(() => {
    place = listenPlace(listen, cid)
  })
  if (objected !== undefined) refuse('listen', objected)
  return place
}

/** With its defaults. `place` is where checkListener found it to listen. */
export const buildListener = (fields: ListenerFields, place: ListenPlace): ListenerConfig => {
  const { to, credentials, dns, cid, from, maxConnectionsPerCid } = fields
  const common: CommonListener = {
    name: place.name,
    kind: place.kind,
    listen: { ...place.address, backlog: fields.backlog ?? BACKLOG },
    ...(cid !== undefined && { cid }),
    ...(from !== undefined && { from }),
    maxConnections: fields.maxConnections ?? DEFAULTS.maxConnections,
    ...(maxConnectionsPerCid !== undefined && { maxConnectionsPerCid }),
    queue: fields.queue ?? DEFAULTS.queue,
  }
  if (credentials !== undefined) return { ...common, credentials }
  if (to === undefined) throw new TypeError('a listener leads somewhere')
  return {
    ...common,
    to,
    connectTimeout: fields.connectTimeout ?? DEFAULTS.connectTimeout,
    idleTimeout: fields.idleTimeout ?? DEFAULTS.idleTimeout,
    halfOpenTimeout: fields.halfOpenTimeout ?? DEFAULTS.halfOpenTimeout,
    dns: {
      ...(dns?.ttl !== undefined && { ttl: dns.ttl }),
      ...(dns?.prefer !== undefined && { prefer: dns.prefer }),
    },
  }
}
