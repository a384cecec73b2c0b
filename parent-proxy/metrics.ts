/** The proxy's account for Prometheus (text format 0.0.4). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Observation } from './observer.js'
import type { ParentProxy } from './proxy.js'

export interface Metrics {
  readonly registry: Registry
  readonly observer: Observation
  countReload(succeeded: boolean): void
}

/** Seconds: from a request on a standing line to hours of an idle one. */
const DURATIONS = [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600, 3_600]

/** `listeners` is asked at each scrape: nothing is counted twice. */
export const createMetrics = (listeners: () => ParentProxy['listeners']): Metrics => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  new Gauge({
    name: 'nitro_proxy_connections',
    help: 'Connections open now, those still connecting included',
    labelNames: ['listener'],
    registers,
    collect() {
      this.reset()
      for (const { name, open } of listeners()) this.set({ listener: name }, open)
    },
  })
  new Gauge({
    name: 'nitro_proxy_connections_waiting',
    help: 'Connections that wait for a place',
    labelNames: ['listener'],
    registers,
    collect() {
      this.reset()
      for (const { name, waiting } of listeners()) this.set({ listener: name }, waiting)
    },
  })
  new Counter({
    name: 'nitro_proxy_connections_accepted_total',
    help: 'Connections accepted, those refused at once included',
    labelNames: ['listener'],
    registers,
    collect() {
      this.reset()
      for (const { name, accepted } of listeners()) this.inc({ listener: name }, accepted)
    },
  })
  new Counter({
    name: 'nitro_proxy_connections_ended_total',
    help: 'Connections that are gone, by why',
    labelNames: ['listener', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const { name, ended } of listeners()) {
        for (const [reason, count] of Object.entries(ended)) this.inc({ listener: name, reason }, count)
      }
    },
  })
  new Counter({
    name: 'nitro_proxy_bytes_total',
    help: 'Bytes carried: up from enclaves, down to them',
    labelNames: ['listener', 'direction'],
    registers,
    collect() {
      this.reset()
      for (const { name, bytesUp, bytesDown } of listeners()) {
        this.inc({ listener: name, direction: 'up' }, bytesUp)
        this.inc({ listener: name, direction: 'down' }, bytesDown)
      }
    },
  })
  const durations = new Histogram({
    name: 'nitro_proxy_connection_seconds',
    help: 'Time from accept to the end of a connection',
    labelNames: ['listener'],
    buckets: DURATIONS,
    registers,
  })
  const names = new Counter({
    name: 'nitro_proxy_dns_failures_total',
    help: 'Names that could not be resolved; stale: the last good answer served',
    labelNames: ['host', 'stale'],
    registers,
  })
  const refreshes = new Counter({
    name: 'nitro_proxy_credentials_refreshes_total',
    help: 'Fetches of credentials that brought others than before, or failed',
    labelNames: ['listener', 'result'],
    registers,
  })
  const expirations = new Gauge({
    name: 'nitro_proxy_credentials_expiration_seconds',
    help: 'When the credentials that are served expire, in seconds since 1970',
    labelNames: ['listener'],
    registers,
  })
  const reloads = new Counter({
    name: 'nitro_proxy_reloads_total',
    help: 'Reloads of the configuration',
    labelNames: ['result'],
    registers,
  })

  return {
    registry,
    observer: {
      onConnection: ({ listener, duration }) => durations.observe({ listener }, duration / 1000),
      onEvent: (event) => {
        if (event.type === 'dns-failed') names.inc({ host: event.host, stale: String(event.stale) })
        if (event.type === 'credentials-failed') {
          refreshes.inc({ listener: event.listener, result: 'failed' })
        } else if (event.type === 'credentials-refreshed') {
          const { listener, expiration } = event
          refreshes.inc({ listener, result: 'refreshed' })
          if (expiration) expirations.set({ listener }, expiration.getTime() / 1000)
        }
      },
    },
    countReload: (succeeded) => reloads.inc({ result: succeeded ? 'applied' : 'refused' }),
  }
}
