/** The configuration's keys and the form of their values; what one says of another is listener.ts's. */
import * as z from 'zod'
import { credentialsSchemaWith } from '../credentials/config.js'
import { readListen, readLoopback, readNameServer, readTarget } from './address.js'
import { MAX_DURATION, parseDuration } from './duration.js'
import { reading } from './issues.js'

const MAX_COUNT = 2 ** 31 - 1
const MAX_LISTENERS = 1024
const MAX_BACKLOG = 2 ** 31 - 1
/** 0xffffffff is VMADDR_CID_ANY. */
const MAX_CID = 0xfffffffe

const whole = (min: number, max: number) =>
  reading(`a whole number from ${min} to ${max}`, (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined,
  )

const oneOf = <T extends string>(...values: readonly T[]) =>
  reading(`one of ${values.join(', ')}`, (value) => values.find((one) => one === value))

/** Milliseconds. A number without a unit is in `bare`. */
const duration = (bare: 'ms' | 's', min: 0 | 1) => {
  const unit = bare === 's' ? 'seconds' : 'milliseconds'
  const range = `from ${min === 0 ? '0' : '1ms'} to ${MAX_DURATION}ms`
  return reading(`a time ${range}, as in 250ms, 10s, 5m, 1h or a number of ${unit}`, (value) => {
    const milliseconds = parseDuration(value, bare)
    return milliseconds !== undefined && milliseconds >= min ? milliseconds : undefined
  })
}

const text = (wanted: string) =>
  reading(wanted, (value) => (typeof value === 'string' && value !== '' ? value : undefined))

/** AWS vsock-proxy's own form. */
export const allowlistEntrySchema = z.strictObject({
  address: text('a host name, *.NAME, an IP address or a CIDR block'),
  port: whole(1, 0xffff),
})

export const listenerSchema = z.strictObject({
  listen: reading('an address such as vsock:ANY:8000, unix:DIR:8000 or hybrid:PATH:8000', readListen),
  backlog: whole(1, MAX_BACKLOG).optional(),
  cid: whole(0, MAX_CID).optional(),
  from: z.array(whole(0, MAX_CID)).min(1, 'it names no CID: nobody could connect').optional(),
  maxConnections: whole(1, MAX_COUNT).optional(),
  maxConnectionsPerCid: whole(1, MAX_COUNT).optional(),
  queue: whole(0, MAX_COUNT).optional(),
  to: reading('HOST:PORT or [IPV6]:PORT, the port from 1 to 65535', readTarget).optional(),
  connectTimeout: duration('ms', 1).optional(),
  idleTimeout: duration('ms', 0).optional(),
  halfOpenTimeout: duration('ms', 1).optional(),
  dns: z
    .strictObject({
      ttl: duration('s', 0).optional(),
      prefer: oneOf('ipv4', 'ipv6', 'ipv4-only', 'ipv6-only').optional(),
    })
    .optional(),
  credentials: credentialsSchemaWith(duration('s', 1)).optional(),
})

export type ListenerFields = z.output<typeof listenerSchema>

export const proxySchema = z.strictObject({
  // Each entry and each listener is read on its own: one that is wrong hides nothing of the others.
  allowlist: z.array(z.unknown()).optional(),
  listeners: z
    .array(z.unknown())
    .min(1, 'at least one listener')
    .max(MAX_LISTENERS, `at most ${MAX_LISTENERS} listeners`),
  maxConnections: whole(1, MAX_COUNT).optional(),
  maxConnectionsPerCid: whole(1, MAX_COUNT).optional(),
  drainTimeout: duration('ms', 0).optional(),
  monitor: reading(
    'a loopback address and a port, as in 127.0.0.1:9465 or [::1]:9465',
    readLoopback,
  ).optional(),
  dns: z
    .strictObject({
      servers: z
        .array(
          reading('an IP address, with or without a port, as in 10.0.0.2 or [fd00::2]:53', readNameServer),
        )
        .min(1, 'at least one server')
        .optional(),
    })
    .optional(),
  log: z.strictObject({ level: oneOf('debug', 'info', 'warn', 'error').optional() }).optional(),
})
